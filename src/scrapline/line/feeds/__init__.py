"""Where the frames come from: a folder, a video, a camera or a stream, or the renderer."""
