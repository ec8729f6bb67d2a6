"""Scrapline: photos of scrap in, a sorted belt out."""

import os
import sys

# Two libraries report their use to their makers and leave an identifier in the home folder, from their import on. Both
# are kept from it here, before anything can import them; child processes inherit the variable and import this, too.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime heeds nothing else, nor anything later
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # OpenVINO then takes its own stub
