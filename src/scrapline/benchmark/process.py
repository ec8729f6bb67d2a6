"""One engine in a process of its own: it answers one order after another, and sleeps between them."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt

from scrapline import paths
from scrapline.benchmark.contenders import Build, Contender
from scrapline.data import shards
from scrapline.runtime.engine import Tuning
from scrapline.system.errors import ScraplineError

_WARM_UP = 10
_SETTLING_S = 0.1  # the threads of the measurement before wait awake for longer than its end


def serve(connection: Connection, build: Build, frames: Sequence[bytes]) -> None:
    """Load the engine, then answer orders `(what, number of frames)` until there are no more."""
    try:
        bench = Bench(build, frames)
    except ScraplineError as error:
        connection.send(error)
        return
    connection.send("ready")
    while True:
        try:
            order, number = connection.recv()
        except EOFError:
            return
        connection.send(getattr(bench, order)(number))


class Bench:
    """The engine's measurements. Times are milliseconds a frame."""

    def __init__(self, build: Build, frames: Sequence[bytes]) -> None:
        self._frames = frames
        self._single = build(Tuning.LATENCY)[0]
        self._workers = build(Tuning.THROUGHPUT)
        self._inputs = [self._single.preprocess(data) for data in frames]
        self.end_to_end(_WARM_UP)
        self.frames_per_s(_WARM_UP)

    def end_to_end(self, number: int) -> list[float]:
        """From a file's bytes to the class, one frame at a time on all cores."""
        return _timed(lambda data: _decide(self._single, [data]), self._frames, number)

    def decode(self, number: int) -> list[float]:
        """From a file's bytes to the network's input."""
        return _timed(self._single.preprocess, self._frames, number)

    def model(self, number: int) -> list[float]:
        """From the network's input to its probabilities, one frame at a time on all cores."""
        return _timed(lambda given: self._single.infer([given]), self._inputs, number)

    def frames_per_s(self, number: int) -> float:
        """End to end, a worker with one thread on each core, some frames at once."""
        return self._rate(self._workers, number)

    def frames_per_s_on_one_core(self, number: int) -> float:
        """End to end, one worker with one thread."""
        return self._rate(self._workers[:1], number)

    def accuracy(self, _number: int) -> float:
        """On the test split, from the bytes in its shards."""
        labels, found = [], []
        for sample in shards.read(paths.PREPARED, "test"):
            labels.append(sample.label)
            found.append(_decide(self._single, [sample.data])[0])
        return float(np.mean(np.array(found) == np.array(labels)))

    def _rate(self, workers: list[Contender], number: int) -> float:
        runs = -(-number // (len(workers) * workers[0].frames_a_run))

        def work(worker: Contender) -> int:
            waiting = cycle(self._frames)
            taken = (list(islice(waiting, worker.frames_a_run)) for _ in range(runs))
            return sum(len(_decide(worker, frames)) for frames in taken)

        time.sleep(_SETTLING_S)
        with ThreadPoolExecutor(len(workers)) as pool:
            start = time.perf_counter()
            frames = sum(pool.map(work, workers))
            return frames / (time.perf_counter() - start)


def _decide(contender: Contender, frames: list[bytes]) -> npt.NDArray[np.int64]:
    classes: npt.NDArray[np.int64] = contender.infer([contender.preprocess(data) for data in frames]).argmax(axis=1)
    return classes


def _timed(work: Callable[[Any], Any], items: Sequence[Any], number: int) -> list[float]:
    """Milliseconds of each call, over the items again and again."""
    times = []
    for item in islice(cycle(items), number):
        start = time.perf_counter()
        work(item)
        times.append((time.perf_counter() - start) * 1000)
    return times
