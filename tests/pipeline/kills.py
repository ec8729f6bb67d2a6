"""Kill a stage under `dvc repro` at a random moment, and see that everything comes right again."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import yaml

from pipeline.conftest import HANGS_S, Clone

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
LEFT_OVERS = (".partial", ".old", ".journal", ".lock")


@dataclass(frozen=True)
class Kill:
    """What was done to whom, when, whether the stage was still running, and whether DVC left dvc.lock half-written."""

    stage: str
    signal: str
    whom: str
    after_s: float
    in_time: bool
    cut_lock: bool


@dataclass(frozen=True)
class Killer:
    """Kills stages of one reproduced clone. `plain` runs them with the ordinary interpreter, in so many `seconds`."""

    clone: Clone
    plain: Clone
    locked: str
    outs: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, clone: Clone) -> "Killer":
        """Remember what is locked and what lies there."""
        return cls(clone, replace(clone, interpreter=Clone.interpreter), locked(clone), deterministic(clone.outs()))

    def usual_seconds(self, stage: str) -> float:
        """How long a stage takes, from the start of DVC on: measured before it is killed first."""
        if stage not in self.seconds:
            start = time.monotonic()
            self.plain.run(*again(stage))
            self.seconds[stage] = time.monotonic() - start
            self.clone.run("dvc", "repro")
        return self.seconds[stage]

    def kill(self, stage: str, signum: signal.Signals, rng: random.Random) -> Kill:
        """Kill once, then check: nothing half-made is locked, the stage and the pipeline run, all bits are the same."""
        usual_s = self.usual_seconds(stage)
        if rng.random() < 0.5:
            shutil.rmtree(self.clone.home / "scrapline", ignore_errors=True)  # so that features are computed, too
        whom = rng.choice(["all of it", "the stage alone"])
        after_s = rng.uniform(0, 1.1 * usual_s)
        in_time = self._run_and_kill(stage, signum, whom, after_s)
        cut_lock = self._is_lock_cut()
        if cut_lock:
            self.clone.run("git", "checkout", "-q", "dvc.lock")  # as README.md says
        assert locked(self.clone) == self.locked, "something else than before is locked"
        self.clone.run(*again(stage))
        assert locked(self.clone) == self.locked, "after the kill the stage gave something else"
        self.clone.run("dvc", "repro")
        assert deterministic(self.clone.outs()) == self.outs
        assert left_over(self.clone) == []
        return Kill(stage, signum.name, whom, round(after_s, 2), in_time, cut_lock)

    def _is_lock_cut(self) -> bool:
        """DVC writes dvc.lock in place: whatever stops DVC itself just then leaves a part of it."""
        return not self.clone.read("dvc.lock").endswith("\n")

    def _run_and_kill(self, stage: str, signum: signal.Signals, whom: str, after_s: float) -> bool:
        running = subprocess.Popen(
            again(stage),
            cwd=self.clone.root,
            env=self.plain.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            running.wait(after_s)
        except subprocess.TimeoutExpired:
            if whom == "all of it":
                os.killpg(running.pid, signum)
            else:
                for process in psutil.Process(running.pid).children():
                    process.send_signal(signum)
        _, said = running.communicate(timeout=HANGS_S)
        _wait_for_the_group_to_end(running.pid)
        if signum != signal.SIGKILL:
            # DVC shows one of its own when it is interrupted while it starts.
            assert not re.search(r'File "\S*src/scrapline/', said), said[-3000:]
        return running.returncode != 0


class Record:
    """For each stage and signal how many kills it survived, and how many of them came while it was running.

    With a `path`, what stands in that JSON lines file is added to, kill by kill, so that a long series can be stopped.
    """

    def __init__(self, path: Path | None) -> None:
        lines = path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else []
        self.path = path
        self.rows = {(row["stage"], row["signal"]): row for row in map(json.loads, lines)}

    def row(self, stage: str, signal_name: str) -> dict[str, Any]:
        """The counts of one stage and signal."""
        empty = {"stage": stage, "signal": signal_name, "kills": 0, "running": 0, "cut_locks": 0, "after_s": []}
        return self.rows.setdefault((stage, signal_name), empty)

    def add(self, kill: Kill) -> None:
        """Count one more kill."""
        row = self.row(kill.stage, kill.signal)
        row["kills"] += 1
        row["running"] += kill.in_time
        row["cut_locks"] += kill.cut_lock
        row["after_s"] = sorted([*row["after_s"], kill.after_s])
        if self.path is not None:
            self.path.write_text(
                "".join(json.dumps(row) + "\n" for _, row in sorted(self.rows.items())), encoding="utf-8"
            )


def again(stage: str) -> tuple[str, ...]:
    """Run one stage whether or not it is needed."""
    return ("dvc", "repro", "--single-item", "--force", "--no-run-cache", stage)


def locked(clone: Clone) -> str:
    """dvc.lock, but for the timings of simulate."""
    content = yaml.safe_load(clone.read("dvc.lock"))
    del content["stages"]["simulate"]["outs"]
    return yaml.safe_dump(content)


def deterministic(outs: dict[str, str]) -> dict[str, str]:
    """Without what holds timings."""
    timed = ("results/simulation", "performance_report.md")
    return {path: md5 for path, md5 in outs.items() if not path.startswith(timed)}


def left_over(clone: Clone) -> list[str]:
    """Half-made files that a run forgot."""
    found = [path for folder in ("data", "models", "results", ".") for path in (clone.root / folder).glob(".*")]
    return [str(path) for path in found if path.name.endswith(LEFT_OVERS)]


def _wait_for_the_group_to_end(group: int) -> None:
    for _ in range(600):
        if not any(_group_of(process) == group for process in psutil.process_iter()):
            return
        time.sleep(0.1)
    raise AssertionError("a process of the killed run lives on")


def _group_of(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid) if process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ProcessLookupError):
        return None
