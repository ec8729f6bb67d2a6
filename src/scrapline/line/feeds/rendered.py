"""An endless belt of drawn pictures, which no data set holds: the feed `demo`."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Self

from scrapline.line.feeds.frame import Frame
from scrapline.line.feeds.mix import item_rng, mixed
from scrapline.rendering import MATERIALS, Recipe, load_recipe, render_jpeg
from scrapline.system.errors import ScraplineError
from scrapline.system.parallel import cores, process_map

RECIPE = Path("data/recipes/demo.yaml")
AHEAD_FRAMES = 256

# A picture is drawn from the recipe's seed, the material and an index, below this one in every data set: they count
# from 0, one for each picture. So what the belt shows is in no data set, whatever its recipe; and each seed of a run
# has as many indices of its own.
_A_BELT = 2**40


class Rendered:
    """Pictures of those of the model's classes that the renderer knows, drawn ahead by other processes.

    The picture of an item depends on the seed and the item's number alone. `first` is the first item's number;
    `processes` None leaves one core to the line. ScraplineError where there are fewer than two such classes, or the
    mix names another one.
    """

    waits = True
    ahead = True

    def __init__(
        self,
        classes: list[str],
        *,
        seed: int = 0,
        mix: dict[str, float] | None = None,
        first: int = 0,
        processes: int | None = None,
    ) -> None:
        drawable = [name for name in classes if name in MATERIALS]
        if len(drawable) < 2:
            known = f"{drawable[0]} alone" if drawable else "none"
            raise ScraplineError(
                f"the feed `demo` draws {', '.join(MATERIALS)}, of which the model knows {known}: "
                "give it a folder, a video or a camera"
            )
        self.drawn = 0
        self.waited_s = 0.0
        self._waited_for = 0
        self._seed = seed
        self._asked = mix is not None
        self._mix = mixed(mix or dict.fromkeys(drawable, 1.0), drawable, "the feed `demo`")
        self._first = first
        self._processes = processes or max(1, cores() - 1)
        self._recipe = _recipe()
        self._ahead: queue.Queue[Frame | Exception] = queue.Queue(AHEAD_FRAMES)
        self._began, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._draw_ahead, daemon=True)

    def __enter__(self) -> Self:
        """Start the processes and wait for the first picture, so that the belt does not wait for them to start."""
        try:
            self._thread.start()
            self._began.wait()
        except BaseException:  # a stop, after which nobody leaves what was not entered
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def take(self, number: int, due_s: float) -> Frame:
        """The next picture; `number` counts up from `first`. Blocks until it is drawn."""
        began_s = time.perf_counter()
        try:
            found = self._ahead.get_nowait()
        except queue.Empty:
            found = self._ahead.get()
            self._waited_for += 1
            self.waited_s += time.perf_counter() - began_s
        if isinstance(found, Exception):
            raise found
        return found

    def facts(self) -> dict[str, Any]:
        """What is drawn, and how often the belt had to wait for it."""
        return {
            "kind": "demo",
            "seed": self._seed,
            "classes": sorted(self._mix.shares),
            "mix": "as asked" if self._asked else "in equal shares",
            "shares": self._mix.shares,
            "frames_waited_for": self._waited_for,
        }

    def _draw_ahead(self) -> None:
        """Keep the queue full until the feed is left."""
        try:
            draw = partial(_draw, self._recipe, _A_BELT * (1 + self._seed))
            with closing(process_map(draw, self._wanted(), processes=self._processes)) as frames:
                for frame in frames:
                    self.drawn += 1
                    self._put(frame)
                    if self._stop.is_set():
                        return
        except Exception as error:  # for the thread that asks
            self._put(error)

    def _wanted(self) -> Iterator[tuple[int, str]]:
        """Each item's number and class."""
        for number in count(self._first):
            yield number, self._mix.draw(item_rng(self._seed, number))

    def _put(self, found: Frame | Exception) -> None:
        while not self._stop.is_set():
            with suppress(queue.Full):
                self._ahead.put(found, timeout=0.1)
                self._began.set()
                return


def _draw(recipe: Recipe, belt: int, wanted: tuple[int, str]) -> Frame:
    number, material = wanted
    return Frame(f"demo#{number}", render_jpeg(recipe, material, belt + number), material)


def _recipe() -> Recipe:
    """The demo's, or where that is not at hand one with its pictures' size and quality."""
    if RECIPE.is_file():
        return load_recipe(RECIPE)
    return Recipe(seed=7, images_per_class=1, width=320, height=240, jpeg_quality=90, materials=MATERIALS)
