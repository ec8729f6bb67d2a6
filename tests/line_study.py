"""Measure the line on this machine, for docs/line: `python -m line_study`, in a clone with a pipeline that has run.

Half an hour with nothing else running. What is measured stands in docs/line/line.json, and the page is made of
it alone.
"""

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from conftest import ROOT
from line_page import PAIR_S, page, sustained
from scrapline import paths
from scrapline.benchmark.contenders import scrapline
from scrapline.benchmark.process import Bench
from scrapline.line.belt import Arrivals, Belt, arrivals
from scrapline.line.dispatch import Answer, Dispatch, Item, Policy
from scrapline.line.ending import Limits
from scrapline.line.feeds.folder import Folder
from scrapline.line.figures import Figures
from scrapline.line.live import Line
from scrapline.line.log import ResultsLog
from scrapline.line.row import row_of
from scrapline.line.service import SPREAD, ServiceTimes
from scrapline.line.states import State
from scrapline.line.twin import Services, play
from scrapline.runtime import classify, deployed
from scrapline.runtime.engine import FRAMES_A_RUN, Classification, Engine, Tuning
from scrapline.simulate import capacity
from scrapline.simulate.measuring import measure
from scrapline.simulate.session import Before, Job, Outcome, work
from scrapline.simulate.settings import configured, job_of
from scrapline.system import machine
from scrapline.system.parallel import cores

FOLDER = Path("docs/line")
DEADLINE_S = 0.25
PAIRS = 5
LOST = (State.LATE, State.DROPPED)
SUSTAINED = 0.9  # of the benchmark's rate just before
TURNS = 5
TWIN_S = 600
HUGE = (8000, 5000)


def say(message: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {message}", file=sys.stderr, flush=True)


def wide_belt(items_per_s: float) -> Belt:
    """So many items a second with a quarter of a second for each: as many lanes as it takes, at 2.5 m/s."""
    return Belt(1, items_per_s / 2.5, 2.5, 2.5 * DEADLINE_S, 0.0, 0.0)


def observed(engine: Engine, belt: Belt, seconds: float, kind: Arrivals, feed: Path) -> tuple[Outcome, list[Item]]:
    """One run of the real line, with the items as they ended."""
    items: list[Item] = []
    job = Job(str(feed), belt, kind, Limits(seconds=seconds), 7, quiet=True, observe=items.extend)
    with tempfile.TemporaryDirectory() as folder:
        outcome = work(job, engine, Path(folder) / "log.csv", Before(Figures(engine.classes, belt.deadline_ms)))
    assert outcome.line.error is None, outcome.line.error
    return outcome, items


def live(engine: Engine, belt: Belt, seconds: float, kind: Arrivals = Arrivals.CONSTANT) -> dict[str, Any]:
    """One run of the real line on the test frames."""
    outcome, items = observed(engine, belt, seconds, kind, paths.TEST_FRAMES)
    ended = outcome.line.dispatch.ended
    latency_ms = [
        1000 * (item.ended_s - item.arrival.due_s)
        for item in items
        if item.answer and item.end is not None and item.end.state not in LOST
    ]
    ordered = sorted(
        [*latency_ms, *[math.inf] * sum(item.end is not None and item.end.state in LOST for item in items)]
    )
    of_all = ordered[
        min(len(ordered) - 1, int(0.99 * len(ordered)))
    ]  # a lost item is above all others, as for the twin
    runs = {(item.started_s, item.ended_s, item.kind) for item in items if item.kind is not None and item.started_s}
    return {
        "items": ended.total(),
        "lost": round(sum(ended[state] for state in LOST) / ended.total(), 6),
        "on_time_per_s": round((ended[State.SORT] + ended[State.REVIEW]) / seconds, 2),
        "p50_ms": round(float(np.percentile(latency_ms, 50)), 3) if latency_ms else None,
        "p99_ms": round(float(np.percentile(latency_ms, 99)), 3) if latency_ms else None,
        "p99_of_all_ms": None if math.isinf(of_all) else round(of_all, 3),
        "services": [(kind, ended_s - started_s) for started_s, ended_s, kind in sorted(runs)],
        "lateness": outcome.metrics["lateness"],
    }


def told(run: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if key not in ("services", "lateness")}


def throughput(engine: Engine, bench: Bench) -> dict[str, Any]:
    """What the line sustains beside what the benchmark finds before and after it, in turns."""
    pairs: list[dict[str, float]] = []
    while len(pairs) < PAIRS:
        before = statistics.median(bench.frames_per_s(160) for _ in range(3))
        run = live(engine, wide_belt(SUSTAINED * before), PAIR_S)
        after = statistics.median(bench.frames_per_s(160) for _ in range(3))
        say(
            f"benchmark {before:.0f} and {after:.0f}, live {SUSTAINED * before:.0f}: {run['lost']:.3%} lost, "
            f"p99 {run['p99_ms']:.1f} ms"
        )
        live_per_s = round(SUSTAINED * before, 2)
        pairs.append({"before": round(before, 2), "live": live_per_s, "after": round(after, 2), "lost": run["lost"]})
    return {"pairs": pairs}


def overload(engine: Engine, sustained_per_s: float) -> dict[str, Any]:
    """Items classified in time under overload, as a share of those at capacity, in turns: the machine varies."""

    def in_time(items_per_s: float) -> float:
        return float(live(engine, wide_belt(items_per_s), 10)["on_time_per_s"])

    capacity_per_s = in_time(1.5 * sustained_per_s)
    shares: dict[str, Any] = {"capacity_per_s": capacity_per_s}
    for percent in (105, 150, 300):
        turns = [in_time(capacity_per_s * percent / 100) / in_time(capacity_per_s) for _ in range(3)]
        shares[str(percent)] = round(statistics.median(turns), 4)
        say(f"{percent} % of {capacity_per_s:.0f} a second: {', '.join(f'{turn:.1%}' for turn in turns)}")
    return shares


def half_load(engine: Engine, bench: Bench, capacity_per_s: float) -> dict[str, Any]:
    """Latencies at half the capacity, beside the twin's with the same service times and beside one frame at a time."""
    belt = wide_belt(capacity_per_s / 2)
    policy = Policy(cores(), DEADLINE_S, spreads=cores() > 1)
    turns: list[dict[str, Any]] = []
    for _ in range(TURNS):
        turn: dict[str, Any] = {
            "one_on_one_core_p99_ms": round(single(engine), 3),
            "one_on_all_cores_p99_ms": round(float(np.percentile(bench.end_to_end(1200), 99)), 3),
        }
        for kind in Arrivals:
            run = live(engine, belt, 20, kind)
            services: dict[int, list[float]] = {}
            for run_kind, seconds in run["services"]:
                services.setdefault(run_kind, []).append(seconds)
            usual = services.get(1) or services[SPREAD]
            measured = {n: services.get(n) or [max(1, n) * s for s in usual] for n in range(SPREAD, FRAMES_A_RUN + 1)}
            twin = play(belt, kind, policy, [Services(measured)], seconds=600, seed=7)
            turn[kind] = told(run) | {"twin_p99_ms": round(twin.quantile_ms(0.99) or float("nan"), 3)}
        say(f"half load: {turn}")
        turns.append(turn)
    return {"turns": turns}


def single(engine: Engine) -> float:
    """The 99th percentile of one frame after another, bytes to class, in ms, on one core."""
    frames = [path.read_bytes() for path in classify.find_images([paths.TEST_FRAMES])]
    times = []
    for number in range(600):
        started = time.perf_counter()
        engine.classify(frames[number % len(frames)])
        times.append(1000 * (time.perf_counter() - started))
    return float(np.percentile(times, 99))


def nothing(frames: Sequence[Any]) -> list[Answer]:
    """An engine that takes no time."""
    return [Answer(Classification("any", 1.0, "other", 0.0, low_confidence=False))] * len(frames)


def no_op(items_per_s: float, items: int) -> dict[str, Any]:
    """What the line itself adds to an item, and whether its memory grows."""
    belt, process = wide_belt(items_per_s), psutil.Process()
    figures = Figures(["any", "other"], belt.deadline_ms)
    memory_mb: list[float] = []
    latency_ms: list[float] = []
    with tempfile.TemporaryDirectory() as folder, ResultsLog(Path(folder) / "log.csv") as log:

        def write(ended: list[Item]) -> None:
            rows = [row_of(item, 0, line.started_at) for item in ended]
            log.write(rows)
            for row in rows:
                figures.add(replace(row, true_class=""))
                if row.item_id % (items // 10) == items // 10 - 1:
                    memory_mb.append(process.memory_info().rss / 1e6)
                if row.item_id < 20_000:
                    latency_ms.append(row.total_ms)

        dispatch = Dispatch(Policy(cores(), DEADLINE_S), ServiceTimes())
        line = Line(Folder(paths.TEST_FRAMES, ["any"]), nothing, dispatch, write)
        line.run(arrivals(belt, Arrivals.CONSTANT, 0), Limits(items=items))
    return {
        "items": items,
        "items_per_s": items_per_s,
        "p50_ms": round(float(np.percentile(latency_ms, 50)), 4),
        "p99_ms": round(float(np.percentile(latency_ms, 99)), 4),
        "memory_mb": [round(value, 2) for value in memory_mb],
    }


def huge(engine: Engine, items_per_s: float) -> dict[str, Any]:
    """What a frame of 40 megapixels costs the others: among the test frames, and the test frames alone, in turns."""
    belt, turns = wide_belt(items_per_s), []
    with tempfile.TemporaryDirectory() as folder:
        among = Path(folder) / "frames"
        shutil.copytree(paths.TEST_FRAMES, among)
        shown = sorted((among / "paper").iterdir())[0]
        Image.open(shown).resize(HUGE).save(shown.with_name("huge.jpg"), quality=90)
        for _ in range(TURNS):
            _, with_it = observed(engine, belt, 20, Arrivals.CONSTANT, among)
            _, without = observed(engine, belt, 20, Arrivals.CONSTANT, paths.TEST_FRAMES)
            turns.append(
                {
                    "huge": in_short([item for item in with_it if item.frame.name.endswith("huge.jpg")]),
                    "others": in_short([item for item in with_it if not item.frame.name.endswith("huge.jpg")]),
                    "alone": in_short(without),
                }
            )
            say(f"40 megapixels: {turns[-1]}")
    return {"items_per_s": round(items_per_s, 1), "pixels": HUGE, "turns": turns}


def in_short(items: Sequence[Item]) -> dict[str, Any]:
    """How many, how many lost, and from arrival to decision, in ms, of those that were not."""
    decided = [item for item in items if item.end is not None and item.end.state not in LOST]
    latency_ms = [1000 * (item.ended_s - item.arrival.due_s) for item in decided]
    percentiles = np.percentile(latency_ms, (50, 99, 100)) if latency_ms else [math.nan] * 3
    p50, p99, longest = (round(float(value), 2) for value in percentiles)
    return {"items": len(items), "lost": len(items) - len(decided), "p50_ms": p50, "p99_ms": p99, "max_ms": longest}


def start_up(times: int = 7) -> dict[str, Any]:
    """From the command to the arrival of the first item, at any start but the first after an installation.

    That one compiles all that it imports, and Python keeps the bytecode: here in a folder of the study's own, whatever
    the environment says of keeping it.
    """
    seconds = []
    with tempfile.TemporaryDirectory() as bytecode:
        keeping = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
        for number in range(times + 1):
            took_s = _first_item_s(keeping)
            if number:  # the first one compiles, and reads the files from the disk
                seconds.append(took_s)
    return {"times": times, "median_s": round(statistics.median(seconds), 3)}


def _first_item_s(environment: dict[str, str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        model = deployed.model_path().resolve()
        frames = paths.TEST_FRAMES.resolve()
        began = time.time()
        options = ["--model", model, "--feed", frames, "--items", "1", "--name", "one"]
        subprocess.run(
            [sys.executable, ROOT / "src/simulation.py", "run", *options],
            cwd=folder,
            env=environment,
            check=True,
            stderr=subprocess.DEVNULL,
        )
        first = (Path(folder) / "runs/one/results.csv").read_text().splitlines()[1].split(",")[2]
        return datetime.fromisoformat(first).timestamp() - began


def against_the_twin(engine: Engine) -> dict[str, Any]:
    """The claimed capacity of the belt as configured, and the live line at shares of it.

    Beside each share's live runs stands the twin of what was measured in turns with them, one round before each: the
    machine's speed varies from minute to minute, and what they are to agree on is the line.
    """
    settings, seed = configured()
    job = job_of(settings, str(paths.TEST_FRAMES), seed, Limits())
    found = capacity.capacity(job, engine)
    capacity.show(found)
    capacity.save(found, FOLDER)
    rows = []
    for share, seconds, times in ((0.5, 12, 5), (0.8, 12, 5), (0.95, 20, 5), (1.15, 12, 5), (1.5, 5, 5)):
        belt = job.belt.at(share * found.items_per_s)
        if belt.deadline_ms <= 0:
            rows.append({"share": share, "deadline_ms": round(belt.deadline_ms, 3)})
            continue
        measured, runs = [], []
        for _ in range(times):
            measured += measure(job, engine, 1.5, rounds=1)
            runs.append(live(engine, belt, seconds))
        twin = replace(found.plant, measured=measured).at(share * found.items_per_s, TWIN_S)
        p99 = twin.quantile_ms(0.99)
        rows.append(
            {
                "share": share,
                "items_per_s": round(belt.items_per_s, 2),
                "deadline_ms": round(belt.deadline_ms, 3),
                "twin_lost": round(twin.lost, 6),
                "twin_p99_ms": None if p99 is None else round(p99, 3),
                "live_s": seconds,
                "live_items": sum(run["items"] for run in runs),
                "live_lost": [run["lost"] for run in runs],
                "live_p99_ms": [run["p99_of_all_ms"] for run in runs],
            }
        )
        say(f"{rows[-1]}")
    return {"fastest": found.content["fastest"], "rows": rows, "in_turns": True}


def referee(engine: Engine, items_per_s: float) -> dict[str, Any]:
    """MLPerf's load generator in its Server scenario for a minute, with the line's engine and as many workers."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "referee", str(deployed.model_path()), str(items_per_s), folder],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))},
            timeout=300,
            check=True,
            capture_output=True,
            text=True,
        )
    verdict: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    ours = live(engine, wide_belt(items_per_s), 60, Arrivals.POISSON)
    return {"items_per_s": items_per_s, "loadgen": verdict, "line": told(ours) | {"lateness": ours["lateness"]}}


def main() -> None:
    engine = deployed.load(deployed.model_path(), Tuning.THROUGHPUT)
    frames = [path.read_bytes() for path in classify.find_images([paths.TEST_FRAMES])]
    bench = Bench(partial(scrapline, paths.ONNX_INT8), frames)
    FOLDER.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "machine": machine.describe(),
        "network": {"arch": engine.metadata.arch, "input_size": engine.preprocessing.input_size},
        "dataset": json.loads(paths.PREPARATION_REPORT.read_text())["dataset"],
        "deadline_ms": 1000 * DEADLINE_S,
    }
    steps: dict[str, Callable[[], Any]] = {
        "start_up": start_up,
        "no_op": lambda: no_op(100, 1000) | {"long": no_op(2000, 100_000)},
        "throughput": lambda: throughput(engine, bench),
        "overload": lambda: overload(engine, sustained(content)),
        "half_load": lambda: half_load(engine, bench, sustained(content)),
        "huge": lambda: huge(engine, sustained(content) / 2),
        "twins": lambda: [against_the_twin(engine)],
        "referee": lambda: referee(engine, round(0.8 * sustained(content), 1)),
    }
    kept = FOLDER / "line.json"
    # From earlier calls, on the same machine; delete the file to begin anew. A further pass is put to `twins` by hand.
    content |= json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for name, step in steps.items():
        if name in content:
            continue
        content[name] = step()
        say(f"{name}: {json.dumps(content[name])[:300]}")
        (FOLDER / "line.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (FOLDER / "README.md").write_text(page(content), encoding="utf-8")


if __name__ == "__main__":
    main()
