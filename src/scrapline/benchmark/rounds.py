"""The engines in turn, round after round, so that a machine whose speed drifts is as unfair to all of them."""

import multiprocessing
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from statistics import median
from typing import Any

import numpy as np

from scrapline.benchmark import process
from scrapline.benchmark.contenders import PEER, Build
from scrapline.cli.console import counter, track
from scrapline.system.errors import ScraplineError
from scrapline.system.parallel import cores

_TIMED = ("end_to_end", "decode", "model")
_RATES = ("frames_per_s", "frames_per_s_on_one_core")


@dataclass
class Measured:
    """One engine's rounds: for each order, what each round gave."""

    test_accuracy: float = 0.0
    rounds: dict[str, list[Any]] = field(default_factory=lambda: {order: [] for order in (*_TIMED, *_RATES)})

    def level(self, order: str) -> list[float]:
        """A number a round: the median time, or the rate."""
        return [median(found) if order in _TIMED else found for found in self.rounds[order]]


def run(
    builds: Mapping[str, Build], frames: Sequence[bytes], rounds: int, number: int, *, accuracy: bool
) -> dict[str, Measured]:
    """Measure all engines `rounds` times over `number` frames each; first, if asked, their accuracy on the test split.

    `builds` makes each, in a process of its own.
    """
    names = list(builds)
    measured = {name: Measured() for name in names}
    with _processes(builds, frames) as engines:
        for name in track(names, "accuracy on the test split", len(names), "engines") if accuracy else ():
            measured[name].test_accuracy = _ask(name, engines[name], "accuracy", 0)
        with counter("rounds", rounds * len(names), "engines") as advance:
            for turn in range(rounds):
                # Nobody always follows the same neighbour.
                order = [*names[turn % len(names) :], *names[: turn % len(names)]]
                for name in order:
                    for what, found in measured[name].rounds.items():
                        found.append(_ask(name, engines[name], what, number))
                    advance(1)
    return measured


def figures(measured: dict[str, Measured]) -> dict[str, Any]:
    """Percentiles over all rounds; ratios to the usual loop as median, lowest and highest of the rounds' own."""
    peer = measured[PEER]
    return {name: _figures(found, peer) for name, found in measured.items()}


def levels(found: Measured) -> dict[str, Any]:
    """Percentiles of the times in milliseconds, and the median round's frames a second."""
    content: dict[str, Any] = {}
    for order in _TIMED:
        times = np.concatenate(found.rounds[order])
        named = zip(("p50", "p95", "p99"), np.percentile(times, [50, 95, 99]), strict=True)
        content[f"{order}_ms"] = {key: round(float(value), 3) for key, value in named}
    for order in _RATES:
        content[order] = round(median(found.level(order)), 1)
    return content


def _figures(found: Measured, peer: Measured) -> dict[str, Any]:
    content: dict[str, Any] = {"test_accuracy": round(found.test_accuracy, 6), **levels(found)}
    scaling = [all_ / one for all_, one in zip(*(found.level(order) for order in _RATES), strict=True)]
    content["share_of_ideal_throughput"] = round(median(scaling) / cores(), 3)
    content["times_as_fast_as_the_peer_loop"] = {
        "end_to_end": _spread(peer.level("end_to_end"), found.level("end_to_end")),
        "model": _spread(peer.level("model"), found.level("model")),
        "throughput": _spread(found.level("frames_per_s"), peer.level("frames_per_s")),
    }
    return content


def _spread(above: list[float], below: list[float]) -> dict[str, float]:
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return {"median": round(median(ratios), 2), "lowest": round(min(ratios), 2), "highest": round(max(ratios), 2)}


@contextmanager
def _processes(builds: Mapping[str, Build], frames: Sequence[bytes]) -> Iterator[dict[str, Connection]]:
    context = multiprocessing.get_context("spawn")
    workers, connections = [], {}
    try:
        for name in track(builds, "loading engines", len(builds), "engines"):
            ours, theirs = context.Pipe()
            worker = context.Process(target=process.serve, args=(theirs, builds[name], frames), daemon=True)
            _start(worker)
            theirs.close()
            workers.append(worker)
            connections[name] = ours
            _receive(name, ours)
        yield connections
    finally:
        for connection in connections.values():
            connection.close()
        for worker in workers:
            worker.terminate()
            worker.join()


def _start(worker: BaseProcess) -> None:
    """Start it deaf to Ctrl-C, which this process answers: in the middle of its imports it would print a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        worker.start()
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        worker.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ask(name: str, connection: Connection, order: str, number: int) -> Any:
    connection.send((order, number))
    return _receive(name, connection)


def _receive(name: str, connection: Connection) -> Any:
    try:
        answer = connection.recv()
    except EOFError:
        raise ScraplineError(f"the process of {name} ended early; what it said stands above") from None
    if isinstance(answer, ScraplineError):
        raise answer
    return answer
