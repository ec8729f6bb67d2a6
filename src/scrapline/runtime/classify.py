"""The `classify` command: images from the command line through the engine, as a table or JSON lines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.table import Column, Table
from rich.text import Text

from scrapline.cli import tables
from scrapline.data.imaging import IMAGE_SUFFIXES, ImageError, Pixels
from scrapline.runtime import deployed
from scrapline.runtime.engine import FRAMES_A_RUN, Classification, Engine, Tuning
from scrapline.system.errors import ScraplineError
from scrapline.system.parallel import cores, thread_map


@dataclass(frozen=True)
class Result:
    """One image's classification, or why there is none."""

    image: Path
    classification: Classification | None
    problem: str = ""


def run(arguments: list[Path], model: Path | None, *, as_json: bool) -> None:
    """Classify the images that the arguments name and print the results; `model` None: the deployed one.

    Raises ScraplineError, after the rest is printed, where any could not be read.
    """
    found = find_images(arguments)
    tuning = Tuning.LATENCY if len(found) == 1 else Tuning.THROUGHPUT
    results = classify_all(Engine.load(model or deployed.model_path(), tuning), found)
    unreadable = print_json(results) if as_json else print_table(results)
    if unreadable:
        raise ScraplineError(f"{unreadable} of {len(found)} images could not be read")


def find_images(arguments: list[Path]) -> list[Path]:
    """The files named, and every image file in the folders named; ScraplineError for what is not there."""
    found: list[Path] = []
    for argument in arguments:
        if argument.is_dir():
            inside = sorted(path for path in argument.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
            if not inside:
                raise ScraplineError(f"{argument} holds no image files ({', '.join(sorted(IMAGE_SUFFIXES))})")
            found += inside
        elif argument.is_file():
            found.append(argument)
        else:
            raise ScraplineError(f"{argument} is not here: name an image file, or a folder of them")
    return found


def classify_all(engine: Engine, images: Sequence[Path]) -> Iterator[Result]:
    """Classify images on all cores, some at once, in their order; an unreadable one gives a Result with its problem."""
    together = (images[start : start + FRAMES_A_RUN] for start in range(0, len(images), FRAMES_A_RUN))
    for results in thread_map(partial(_classify, engine), together, window=2 * cores()):
        yield from results


def print_table(results: Iterable[Result]) -> int:
    """Print a table on stdout; return how many images could not be read."""
    table = Table(Column("image", overflow="fold"), "class", "confidence", "runner-up", "", box=None, pad_edge=False)
    unreadable = 0
    for result in results:
        if (c := result.classification) is None:
            unreadable += 1
            cells = [Text(str(result.image)), Text("unreadable", style="red"), Text(), Text(), Text(result.problem)]
        else:
            note = "under its threshold: manual review" if c.low_confidence else ""
            runner_up = f"{c.runner_up} {c.runner_up_confidence:.1%}"
            texts = (str(result.image), c.predicted_class, f"{c.confidence:.1%}", runner_up, note)
            cells = [Text(text) for text in texts]  # a file's name is no markup
        table.add_row(*cells)
    tables.show(table)
    return unreadable


def print_json(results: Iterable[Result]) -> int:
    """Print a JSON object a line on stdout; return how many images could not be read."""
    unreadable = 0
    for result in results:
        content = asdict(result.classification) if result.classification else {"error": result.problem}
        unreadable += result.classification is None
        tables.show_json({"image": str(result.image), **content})
    return unreadable


def _classify(engine: Engine, images: Sequence[Path]) -> list[Result]:
    read = [_read(engine, path) for path in images]
    pixels = [found for found in read if not isinstance(found, str)]
    rows = iter(engine.infer(np.stack(pixels))[0]) if pixels else iter(())
    return [
        Result(path, None, found) if isinstance(found, str) else Result(path, engine.decide(next(rows)))
        for path, found in zip(images, read, strict=True)
    ]


def _read(engine: Engine, path: Path) -> Pixels | str:
    """The network's input, or why there is none."""
    try:
        return engine.preprocess(path.read_bytes())
    except ImageError as error:
        return f"{error.reason}: {error}"
    except OSError as error:
        return error.strerror or str(error)
