"""Signals that wait, with real ones, sent to this process."""

import os
import signal
from collections.abc import Iterator

import pytest

from scrapline.system import signals


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signals.install()
    yield
    signals.forgive()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_stop_waits_for_the_outermost_block() -> None:
    done = []
    with pytest.raises(signals.Stopped), signals.holding_stops():
        with signals.holding_stops():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]
    assert signals.raised() == signal.SIGTERM


def test_a_stop_that_waits_can_be_forgiven() -> None:
    with signals.holding_stops():
        os.kill(os.getpid(), signal.SIGTERM)
        signals.forgive()
    assert signals.raised() is None
    with pytest.raises(signals.Stopped):
        os.kill(os.getpid(), signal.SIGTERM)


def test_an_error_in_the_block_lets_the_stop_through() -> None:
    """The stop is what ends the process; and later ones wait no more."""
    with pytest.raises(signals.Stopped), signals.holding_stops():
        os.kill(os.getpid(), signal.SIGTERM)
        raise OSError
    with pytest.raises(signals.Stopped):
        os.kill(os.getpid(), signal.SIGTERM)
