"""A checkpoint in; the one ONNX file that the line runs out, checked against it image by image."""
