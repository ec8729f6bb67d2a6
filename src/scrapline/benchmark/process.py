"""One engine in a process of its own: it answers one order after another, and sleeps between them."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from scrapline import paths, shards
from scrapline.benchmark.contenders import Contender, Models, crew
from scrapline.engine import Tuning

_WARM_UP = 10


def serve(connection: Connection, name: str, models: Models, frames: Sequence[bytes]) -> None:
    """Load the engine, then answer orders `(what, number of frames)` until there are no more."""
    bench = Bench(name, models, frames)
    connection.send("ready")
    while True:
        try:
            order, number = connection.recv()
        except EOFError:
            return
        connection.send(getattr(bench, order)(number))


class Bench:
    """The engine's measurements. Times are milliseconds a frame."""

    def __init__(self, name: str, models: Models, frames: Sequence[bytes]) -> None:
        self._frames = frames
        self._single = crew(name, models, Tuning.LATENCY)[0]
        self._workers = crew(name, models, Tuning.THROUGHPUT)
        self._inputs = [self._single.preprocess(data) for data in frames]
        self.end_to_end(_WARM_UP)
        self.frames_per_s(_WARM_UP)

    def end_to_end(self, number: int) -> list[float]:
        """From a file's bytes to the class, one frame at a time on all cores."""
        return _timed(partial(_decide, self._single), self._frames, number)

    def decode(self, number: int) -> list[float]:
        """From a file's bytes to the network's input."""
        return _timed(self._single.preprocess, self._frames, number)

    def model(self, number: int) -> list[float]:
        """From the network's input to its probabilities, one frame at a time on all cores."""
        return _timed(self._single.infer, self._inputs, number)

    def frames_per_s(self, number: int) -> float:
        """End to end, a worker with one thread on each core."""
        return self._rate(self._workers, number)

    def frames_per_s_on_one_core(self, number: int) -> float:
        """End to end, one worker with one thread."""
        return self._rate(self._workers[:1], number)

    def accuracy(self, _number: int) -> float:
        """On the test split, from the bytes in its shards."""
        labels, found = [], []
        for sample in shards.read(paths.PREPARED, "test"):
            labels.append(sample.label)
            found.append(_decide(self._single, sample.data))
        return float(np.mean(np.array(found) == np.array(labels)))

    def _rate(self, workers: list[Contender], number: int) -> float:
        share = -(-number // len(workers))

        def work(worker: Contender) -> None:
            for data in islice(cycle(self._frames), share):
                _decide(worker, data)

        with ThreadPoolExecutor(len(workers)) as pool:
            start = time.perf_counter()
            list(pool.map(work, workers))
            return share * len(workers) / (time.perf_counter() - start)


def _decide(contender: Contender, data: bytes) -> int:
    return int(contender.infer(contender.preprocess(data)).argmax())


def _timed(work: Callable[[Any], Any], items: Sequence[Any], number: int) -> list[float]:
    """Milliseconds of each call, over the items again and again."""
    times = []
    for item in islice(cycle(items), number):
        start = time.perf_counter()
        work(item)
        times.append((time.perf_counter() - start) * 1000)
    return times
