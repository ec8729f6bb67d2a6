"""A checkpoint and held-out images in; honest figures, operating points and pictures out."""
