"""Which of the exported files the line runs, and that it computes here what it computed where it was exported."""

from pathlib import Path

from scrapline import paths
from scrapline.cli.console import info
from scrapline.runtime import fingerprint
from scrapline.runtime.engine import Engine, Tuning
from scrapline.runtime.metadata import shown
from scrapline.system.errors import ScraplineError
from scrapline.system.files import read_json


def model_path() -> Path:
    """The ONNX file to load, as the export stage decided; ScraplineError where that has not run."""
    return paths.ONNX_BY_PRECISION[read_json(paths.EXPORT_METRICS)["deployed"]]


def load(path: Path, tuning: Tuning = Tuning.LATENCY) -> Engine:
    """The engine of a file; a line on the console where this processor answers otherwise than the exporting one."""
    engine = Engine.load(path, tuning)
    warn(path, difference(engine, path))
    return engine


def difference(engine: Engine, path: Path) -> float:
    """The largest difference of any probability from what the exporting processor gave for the drawn images.

    Raises ScraplineError where the network does not compute at all.
    """
    try:
        return fingerprint.difference(
            lambda images: engine.infer(images)[0], engine.preprocessing.input_size, engine.metadata.fingerprint
        )
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        reason = shown(str(error).split("\n")[0], 300)
        raise ScraplineError(
            f"{path} is damaged: its network does not compute ({reason}): run `dvc repro export`"
        ) from None


def warn(path: Path, found: float) -> None:
    """Print one line where a difference is more than sound processors have; NaN is."""
    if not found <= fingerprint.TOLERANCE:
        info(
            f"warning: on this processor {path} answers otherwise than where it was exported: probabilities differ by "
            f"{found:.3f}, {fingerprint.TOLERANCE} are normal; export it on this machine, or expect other figures than "
            "its report's"
        )
