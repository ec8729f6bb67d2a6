"""The `describe` command: what a deployed file says of itself, as a table or as JSON."""

from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from scrapline.cli import tables
from scrapline.runtime import deployed, fingerprint
from scrapline.runtime.engine import Engine


def show(model: Path | None, *, as_json: bool) -> None:
    """Print a model's metadata on stdout, with its file's size and its inputs and outputs; None: the deployed one.

    In place of the fingerprint's probabilities it shows how far this processor's are from them.
    """
    path = model or deployed.model_path()
    engine = Engine.load(path)
    difference = deployed.difference(engine, path)
    about = {key: value for key, value in engine.metadata.model_dump().items() if value is not None}
    content = {
        "file": str(path),
        "size_mb": round(path.stat().st_size / 1e6, 3),
        "inputs": {node.name: f"{node.type} {node.shape}" for node in engine.session.get_inputs()},
        "outputs": {node.name: f"{node.type} {node.shape}" for node in engine.session.get_outputs()},
        **about,
        "fingerprint": {
            "images": len(engine.metadata.fingerprint),
            "largest_difference_here": round(difference, 4),
            "normal_up_to": fingerprint.TOLERANCE,
        },
    }
    deployed.warn(path, difference)
    if as_json:
        tables.show_json(content, indent=2)
        return
    table = Table("", "", box=None, pad_edge=False, show_header=False)
    for key, value in content.items():
        table.add_row(key.replace("_", " "), Text(_plain(value), overflow="fold"))
    tables.show(table)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    return str(value)
