"""Which of the exported files the line runs, as the export stage decided."""

from pathlib import Path

from scrapline import paths
from scrapline.system.files import read_json


def model_path() -> Path:
    """The ONNX file to load; ScraplineError where the export stage has not run."""
    return paths.ONNX_BY_PRECISION[read_json(paths.EXPORT_METRICS)["deployed"]]
