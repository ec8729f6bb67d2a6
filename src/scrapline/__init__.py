"""Scrapline: photos of scrap in, a sorted belt out."""

import os

# ONNX Runtime writes a device id into the home folder and calls its maker, unless this is set before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
