"""The `classify` command: images from the command line through the engine, as a table or JSON lines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from rich.table import Column, Table
from rich.text import Text

from scrapline.cli import tables
from scrapline.cli.console import info
from scrapline.data.imaging import IMAGE_SUFFIXES, ImageError, Pixels
from scrapline.data.names import visible
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

    @property
    def foreign(self) -> bool:
        """Whether the file is no image and does not claim to be one, by the rule of `prepare`."""
        return self.problem.startswith("unreadable") and self.image.suffix.lower() not in IMAGE_SUFFIXES


def run(arguments: list[Path], model: Path | None, *, as_json: bool) -> None:
    """Classify the images that the arguments name and print the results; `model` None: the deployed one.

    Raises ScraplineError, after the rest is printed, where any could not be read.
    """
    found = find_images(arguments)
    tuning = Tuning.LATENCY if len(found) == 1 else Tuning.THROUGHPUT
    foreign: list[Path] = []
    classified = classify_all(deployed.load(model or deployed.model_path(), tuning), found)
    results = _images(classified, {*arguments}, foreign)
    unreadable = print_json(results) if as_json else print_table(results)
    if len(foreign) == len(found):
        raise ScraplineError(f"{arguments[0]} holds no image files: name photos, or a folder of them")
    if foreign:
        what = "1 file is no image and was" if len(foreign) == 1 else f"{len(foreign)} files are no images and were"
        info(f"{what} passed over, the first {foreign[0]}")
    if unreadable:
        raise ScraplineError(f"{unreadable} of {len(found) - len(foreign)} images could not be read")


def find_images(arguments: list[Path]) -> list[Path]:
    """The files named, and every file in the folders named that `prepare` would look at, whatever its suffix.

    ScraplineError for what is not there. Linked folders are passed over, and named on the console.
    """
    found: list[Path] = []
    for argument in arguments:
        if argument.is_dir():
            inside = sorted(
                path for path in argument.rglob("*") if visible(PurePosixPath(path.relative_to(argument).as_posix()))
            )
            for linked in (path for path in inside if path.is_symlink() and path.is_dir()):
                info(f"{linked} is a link to a folder and is passed over: name it to have its photos classified")
            for broken in (path for path in inside if path.is_symlink() and not path.exists()):
                info(f"{broken} is a link to nothing and is passed over")
            files = [path for path in inside if path.is_file()]
            if not files:
                raise ScraplineError(f"{argument} holds no image files: name photos, or a folder of them")
            found += files
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
            cells = [
                Text(str(result.image)),
                Text("unreadable", style="red"),
                Text(""),
                Text(""),
                Text(result.problem),
            ]
        else:
            note = "under its threshold: manual review" if c.low_confidence else ""
            runner_up = f"{c.runner_up} {c.runner_up_confidence:.1%}"
            texts = (str(result.image), c.predicted_class, f"{c.confidence:.1%}", runner_up, note)
            cells = [Text(text) for text in texts]
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


def _images(results: Iterable[Result], named: set[Path], foreign: list[Path]) -> Iterator[Result]:
    """All results but those of files that merely lie among the photos; these are added to `foreign`."""
    for result in results:
        if result.foreign and result.image not in named:
            foreign.append(result.image)
        else:
            yield result


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
