"""The models of DVC's experiments: taken from its cache, without checking any of them out."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dvc.api  # type: ignore[import-untyped]
import yaml
from dvc.exceptions import DvcException  # type: ignore[import-untyped]

from scrapline import paths
from scrapline.cli.console import info
from scrapline.measures.intervals import Interval
from scrapline.runtime.engine import Engine
from scrapline.system.errors import ScraplineError

_WORKSPACE = "workspace"
_FINISHED = (None, "Success")
_FEWEST, _MOST = 2, 32
_LOCK = Path("dvc.lock")


@dataclass(frozen=True)
class Experiment:
    """One finished experiment, or the commit that they begin from.

    `settings` are its params by their dotted names, `data` the hash of its prepared photos, of which `photos` validated
    it; `file` is its deployed model, copied out of the cache.
    """

    name: str
    settings: dict[str, Any]
    data: str
    precision: str
    accuracy: float
    interval: Interval
    photos: int
    file: Path


def collect(commits: Sequence[str], folder: Path) -> list[Experiment]:
    """The experiments of some commits (of HEAD, if none is named) and the commits themselves, their models in `folder`.

    What is not finished, not in the cache, or of another version of this project is left out with one line each. Raises
    ScraplineError where DVC cannot tell its experiments, and where fewer than 2 are left, or more than 32.
    """
    try:
        lines = dvc.api.exp_show(revs=list(commits) or None)
    except DvcException as error:
        raise ScraplineError(f"DVC cannot list the experiments: {_first_line(error)}") from None
    runs = {line["rev"]: line for line in lines if line["rev"] != _WORKSPACE}
    names = Counter(_name(line) for line in runs.values())
    found: list[Experiment] = []
    for commit, line in runs.items():
        name = _name(line) if names[_name(line)] == 1 else f"{_name(line)} ({commit[:7]})"
        if line["State"] not in _FINISHED:
            info(f"{name} is left out: {line['State'].lower()}")
            continue
        try:
            found.append(_taken(name, commit, folder / f"{len(found)}.onnx"))
        except (KeyError, TypeError, AttributeError):
            info(f"{name} is left out: another version of this project made it")
        except Exception as error:  # a cache, a remote and its plugins fail in ways of their own
            info(f"{name} is left out, its model not being at hand: {_first_line(error)}")
    if len(found) < _FEWEST:
        raise ScraplineError(
            f"{len(found)} finished run{'s' * (len(found) != 1)} to compare, and it takes two: commit, queue some with "
            "`dvc exp run --queue -S model.input_size=160`, and `dvc queue start`"
        )
    if len(found) > _MOST:
        raise ScraplineError(f"{len(found)} runs, and at most {_MOST} are timed in turns: `dvc exp remove` some")
    return found


def differences(found: Sequence[Experiment]) -> list[dict[str, Any]]:
    """What tells each from the others: the params in which not all are alike, with their values."""
    names = sorted({name for each in found for name in each.settings})
    differ = [name for name in names if len({json.dumps(each.settings.get(name)) for each in found}) > 1]
    return [{name: each.settings.get(name) for name in differ} for each in found]


def _taken(name: str, commit: str, file: Path) -> Experiment:
    export, evaluation, lock, settings = (
        yaml.safe_load(_read(path, commit))
        for path in (paths.EXPORT_METRICS, paths.EVALUATION_METRICS, _LOCK, paths.PARAMS)
    )
    precision = export["deployed"]
    file.write_bytes(_read(paths.ONNX_BY_PRECISION[precision], commit))
    Engine.load(file)
    prepared = [out["md5"] for out in lock["stages"]["prepare"]["outs"] if out["path"] == paths.PREPARED.as_posix()]
    accuracy, *ends = (export[precision][f"validation_accuracy{what}"] for what in ("", "_ci95_low", "_ci95_high"))
    photos = evaluation["validation"]["images"]
    return Experiment(name, dict(_flat(settings)), prepared[0], precision, accuracy, Interval(*ends), photos, file)


def _read(path: Path, commit: str) -> bytes:
    content: bytes = dvc.api.read(path.as_posix(), rev=commit, mode="rb")
    return content


def _name(line: dict[str, Any]) -> str:
    return str(line["Experiment"] or line["rev"])


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _flat(tree: dict[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
