"""Stages killed at moments drawn at random: it costs only that run. SIGKILL of three of them here, the rest nightly."""

import os
import random
import signal
from pathlib import Path

import pytest

from pipeline import kills
from pipeline.conftest import STAGES, Clone
from pipeline.kills import Killer

MOMENTS = int(os.environ.get("MOMENTS", "1"))
TRIES_A_MOMENT = 20  # two of three kills come while the stage runs


@pytest.fixture(scope="module")
def killer(own: Clone) -> Killer:
    return Killer.of(own.fork("kills"))


@pytest.fixture(scope="module")
def record() -> kills.Record:
    path = os.environ.get("KILLS_RECORD")
    return kills.Record(Path(path) if path else None)


# Those whose outs others build on, by the signal that nothing can answer; each takes a minute.
ALWAYS = {(signal.SIGKILL, stage) for stage in ("prepare", "train")}


@pytest.mark.parametrize(
    ("signum", "stage"),
    [
        pytest.param(
            signum, stage, marks=() if (signum, stage) in ALWAYS else pytest.mark.slow, id=f"{signum.name}-{stage}"
        )
        for signum in kills.SIGNALS
        for stage in STAGES
    ],
)
def test_a_kill_at_any_moment_costs_only_that_run(
    killer: Killer, record: kills.Record, stage: str, signum: signal.Signals
) -> None:
    killer.clone.restore()
    row = record.row(stage, signum.name)
    rng = random.Random(f"{stage} {signum.name} {row['kills']}")
    tries = TRIES_A_MOMENT * (MOMENTS - row["running"])
    while row["running"] < MOMENTS and tries > 0:
        record.add(killer.kill(stage, signum, rng))
        tries -= 1
    assert row["running"] >= MOMENTS, "hardly a kill came while the stage ran: does the signal reach it?"
