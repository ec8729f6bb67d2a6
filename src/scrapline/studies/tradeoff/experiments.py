"""The models of DVC's experiments: taken from its cache, without checking any of them out."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dvc.api  # type: ignore[import-untyped]
import yaml
from dvc.exceptions import DvcException  # type: ignore[import-untyped]

from scrapline import paths
from scrapline.cli.console import info
from scrapline.cli.text import printable
from scrapline.system.errors import ScraplineError

_WORKSPACE = "workspace"


@dataclass(frozen=True)
class Experiment:
    """One finished experiment, or the commit that they begin from.

    `settings` are its params by their dotted names, `photos` those that validated it and their `groups`, `file` its
    deployed model, copied out of the cache.
    """

    name: str
    settings: dict[str, Any]
    precision: str
    accuracy: float
    photos: int
    groups: int
    file: Path


def collect(commits: Sequence[str], folder: Path) -> list[Experiment]:
    """The experiments of some commits (of HEAD, if none is named) and the commits themselves, their models in `folder`.

    What was not finished, or is not in the cache, is left out with one line. Raises ScraplineError where DVC cannot
    tell its experiments, and where fewer than two are left.
    """
    try:
        lines = dvc.api.exp_show(revs=list(commits) or None)
    except DvcException as error:
        raise ScraplineError(f"DVC cannot list the experiments: {error}") from None
    named = {line["Experiment"] or line["rev"]: line["rev"] for line in lines if line["rev"] != _WORKSPACE}
    found = [each for name, commit in named.items() if (each := _taken(name, commit, folder)) is not None]
    if len(found) < 2:
        raise ScraplineError(
            f"{len(found)} finished run{'s' * (len(found) != 1)} to compare, and it takes two: commit, queue some with "
            "`dvc exp run --queue -S model.input_size=160`, and `dvc queue start`"
        )
    return found


def differences(found: Sequence[Experiment]) -> list[str]:
    """What tells each from the others: the params in which not all are alike, with their values."""
    names = sorted({name for each in found for name in each.settings})
    differ = [name for name in names if len({json.dumps(each.settings.get(name)) for each in found}) > 1]
    return [", ".join(f"{name} {each.settings.get(name)}" for name in differ) for each in found]


def _taken(name: str, commit: str, folder: Path) -> Experiment | None:
    try:
        export, evaluation = (
            json.loads(_read(path, commit)) for path in (paths.EXPORT_METRICS, paths.EVALUATION_METRICS)
        )
        precision = export["deployed"]
        file = folder / f"{commit}.onnx"
        file.write_bytes(_read(paths.ONNX_BY_PRECISION[precision], commit))
        settings = dict(_flat(yaml.safe_load(_read(paths.PARAMS, commit))))
    except (DvcException, OSError) as error:
        info(f"{printable(name)} is left out: {printable(str(error).splitlines()[0])}")
        return None
    validation = evaluation["validation"]
    accuracy = export[precision]["validation_accuracy"]
    return Experiment(name, settings, precision, accuracy, validation["images"], validation["groups"], file)


def _read(path: Path, commit: str) -> bytes:
    content: bytes = dvc.api.read(path.as_posix(), rev=commit, mode="rb")
    return content


def _flat(tree: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key, value
