"""Ordered maps over processes or threads whose memory does not grow with the number of items."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TypeVar

from scrapline.system.cgroups import cpu_limit
from scrapline.system.errors import ScraplineError
from scrapline.system.signals import holding_stops

T = TypeVar("T")
R = TypeVar("R")

_STOPPING = {signal.SIGINT, signal.SIGTERM}
_GRACE_S = 5.0
_QUOTA = cpu_limit()
# More handles than these, and some of Python's own, Windows cannot wait for at once.
_MOST_WORKERS_ON_WINDOWS = 61


def cores() -> int:
    """CPU cores this process may use: those it may run on, and no more than its container's quota pays for."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return usable if _QUOTA is None else min(usable, _QUOTA)


def workers(usable: int, *, windows: bool = os.name == "nt") -> int:
    """Worker processes for so many cores."""
    return min(usable, _MOST_WORKERS_ON_WINDOWS) if windows else usable


def process_map(
    function: Callable[[T], R], items: Iterable[T], *, processes: int | None = None
) -> Generator[R, None, None]:
    """Yield `function(item)` in order, computed on all cores or by so many processes; `function` must be picklable.

    Close it when leaving early: until then its workers go on with what was handed out.
    """
    number = workers(processes or cores())
    # Spawned, not forked: the same on every platform, and no lock is copied in the middle of its use.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(number, mp_context=context, initializer=_start_worker) as pool:
        try:
            yield from _windowed(pool, function, items, window=8 * number)
        except BrokenProcessPool:
            raise ScraplineError(
                "a worker process was killed from outside, most likely for want of memory: free some, and run again"
            ) from None


def thread_map(function: Callable[[T], R], items: Iterable[T], *, window: int) -> Iterator[R]:
    """Yield `function(item)` in order, computed ahead by threads, at most `window` items ahead."""
    with ThreadPoolExecutor(cores()) as pool:
        yield from _windowed(pool, function, items, window=window)


def _windowed(
    pool: Executor, function: Callable[[T], R], items: Iterable[T], *, window: int
) -> Generator[R, None, None]:
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            with _undisturbed():
                pending.append(pool.submit(function, item))
            if len(pending) >= window:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold signals back meanwhile: a worker whose start is cut short, or is itself interrupted, prints a traceback."""
    # Python raises a stop in the main thread only: any other one has nothing to hold back, and would take it over.
    holding = holding_stops if threading.current_thread() is threading.main_thread() else nullcontext
    if not hasattr(signal, "pthread_sigmask"):
        with holding():
            yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)  # a worker starts with its parent's mask
    try:
        with holding():  # the mask is one thread's; Python serves what another thread received in the main one
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    """Leave being stopped to the parent, and end when it is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_soon)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _end_soon(signum: int, frame: FrameType | None) -> None:
    """A SIGTERM to all processes reaches the parent, too, whose pool would trip over workers that end before it."""
    timer = threading.Timer(_GRACE_S, os._exit, (128 + signum,))
    timer.daemon = True
    timer.start()


def _die_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
