"""The deployed model: an ONNX file and nothing else. No torch."""
