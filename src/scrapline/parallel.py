"""Ordered maps over processes or threads whose memory does not grow with the number of items."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def process_map(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield `function(item)` in order, computed on all cores; `function` must be picklable."""
    # Spawned, not forked: the same on every platform, and no lock is copied in the middle of its use.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores(), mp_context=context, initializer=_start_worker) as pool:
        yield from _windowed(pool, function, items, window=8 * cores())


def thread_map(function: Callable[[T], R], items: Iterable[T], *, window: int) -> Iterator[R]:
    """Yield `function(item)` in order, computed ahead by threads, at most `window` items ahead."""
    with ThreadPoolExecutor(cores()) as pool:
        yield from _windowed(pool, function, items, window=window)


def _windowed(pool: Executor, function: Callable[[T], R], items: Iterable[T], *, window: int) -> Iterator[R]:
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= window:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _die_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
