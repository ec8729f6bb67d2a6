# ruff: noqa: E501 - the lines of tables
"""docs/line/README.md, of what line_study.py measured."""

import math
import statistics
from typing import Any

PAIR_S = 60.0
REFEREE_S = 60


def sustained(content: dict[str, Any]) -> float:
    """Items a second: the median of the live runs."""
    return statistics.median(pair["live"] for pair in content["throughput"]["pairs"])


def page(content: dict[str, Any]) -> str:
    """docs/line/README.md, of the figures alone."""
    pairs, turns, noop = content["throughput"]["pairs"], content["half_load"]["turns"], content["no_op"]
    ratios = [2 * pair["live"] / (pair["before"] + pair["after"]) for pair in pairs]
    lost = [100 * pair["lost"] for pair in pairs]
    benchmark = _range([pair[when] for pair in pairs for when in ("before", "after")], 0)
    over_twin = [turn["poisson"]["p99_ms"] / turn["poisson"]["twin_p99_ms"] for turn in turns]
    over_single = [turn["constant"]["p99_ms"] / turn["one_on_all_cores_p99_ms"] for turn in turns]
    memory = noop["long"]["memory_mb"]
    rows = [
        (
            f"sustained live throughput, {len(pairs)} runs of {PAIR_S:.0f} s, each between two of the benchmark",
            "85 % of its frames/s, at most 0.1 % lost",
            f"{'' if max(lost) <= 0.1 else 'not sustained: '}at {statistics.median(ratios):.1%}, {sustained(content):.0f} items a second (median), {_range(lost, 1)} % were lost; the benchmark went from {benchmark} meanwhile",
        ),
        *(
            (
                f"classified in time at {percent} % of capacity, as a share of it (median of 3 turns)",
                f"{least} %",
                f"{content['overload'][percent]:.1%}",
            )
            for percent, least in (("105", 97), ("150", 97), ("300", 95))
        ),
        (
            f"p99 at half of that, items at random, over the twin's with the same service times (median of {len(turns)} turns)",
            "1.2",
            f"{statistics.median(over_twin):.2f} ({_range(over_twin, 2)}); {_range([turn['poisson']['p99_ms'] for turn in turns], 1)} ms",
        ),
        (
            f"p99 at half of that, items evenly, over that of one frame after another on all cores (median of {len(turns)} turns)",
            "1.5",
            f"{statistics.median(over_single):.2f} ({_range(over_single, 2)}); {_range([turn['constant']['p99_ms'] for turn in turns], 1)} and "
            f"{_range([turn['one_on_all_cores_p99_ms'] for turn in turns], 1)} ms",
        ),
        (
            "what the line adds to an item, with an engine that takes no time (p50)",
            "0.3 ms",
            f"{noop['p50_ms']:.2f} ms",
        ),
        (
            f"memory over {noop['long']['items']:,} items, the same",
            "within 10 MB",
            f"{max(memory[1:]) - memory[0]:+.1f} MB after the first tenth",
        ),
        (
            "from the command to the first item, at any start but the first after an installation",
            "1 s",
            f"{content['start_up']['median_s']:.2f} s",
        ),
    ]
    table = "\n".join(f"| {what} | {wanted} | {found} |" for what, wanted, found in rows)
    return f"""# The line, measured

Made by `PYTHONPATH=src:tests python -m line_study` of what it found ([line.json](line.json)): {content["dataset"]},
{content["network"]["arch"]} at {content["network"]["input_size"]} pixels in INT8, the test frames' own JPEGs, {content["deadline_ms"]:.0f} ms for each item,
items evenly unless said; {content["machine"]["cores"]} cores of {content["machine"]["processor"]}, {content["machine"]["engine"]}, nothing else running there. The machine is a virtual one whose speed varies from minute to minute, as the benchmark's
own rate in the first row shows: what is compared was measured in turns, and what is not in turns is as uncertain as that.

| what | to reach | found |
|---|---|---|
{table}

## How fast the belt can go

`simulation.py capacity` measures the line for a minute and asks its twin, the same policy in virtual time, for
the fastest belt that loses at most 0.1 % of an hour's items. The deadline shrinks as the belt gets faster. Asked for, at
shares of the belt that it claims, with five live runs at each: at most 0.1 % lost at 0.95, and not at 1.15; at 0.5 and 0.8
shares lost within 3 points of the twin's, and its p99 inside the range of the runs (a lost item is above all others).
The passes below are of hours that were not alike; {_kept_in_all(content["twins"])}

{_passes(content["twins"])}

The picture is of the last.

![What is lost and how long it takes, by the belt's speed](capacity.png)

## A frame of 40 megapixels among small ones

The test frames at {content["huge"]["items_per_s"]} items a second, by themselves and with one more among them, which has {_pixels(content["huge"])} pixels:
{_huge_share(content["huge"])} of the items show it. Runs of 20 s in turns, {len(content["huge"]["turns"])} of each; medians of the runs.

| | items | lost | p50 | p99 | longest |
|---|---:|---:|---:|---:|---:|
{_huge_rows(content["huge"])}

## The field's referee

MLPerf's load generator (Server scenario, {REFEREE_S} s, 99 % within {content["deadline_ms"]:.0f} ms) drives the same engine with as many workers, one frame at
a time; the line gets as many items at random.

| | items/s | items | over the deadline | p99 | verdict |
|---|---:|---:|---:|---:|---|
{_referee_rows(content["referee"])}
"""


def _kept_in_all(passes: list[dict[str, Any]]) -> str:
    """In how many runs the live line kept what the twin claims."""
    lost = [each for found in passes for each in _at(found, 0.95)["live_lost"]]
    kept, worst = sum(each <= 0.001 for each in lost), max(lost)
    items = sum(_at(found, 0.95)["live_items"] for found in passes)
    told = f"at 0.95 of the claims at most 0.1 % were lost in {kept} of {len(lost)} runs, {items:,} items in all"
    if kept == len(lost):
        return f"{told}. The machine's speed varies by more than such a belt leaves to spare."
    return f"{told}, and {worst:.1%} in the worst: **the claim does not always hold here**. The machine's speed varies by more than such a belt leaves to spare."


def _passes(passes: list[dict[str, Any]]) -> str:
    return "\n\n".join(_pass(number, found) for number, found in enumerate(passes, start=1))


def _pass(number: int, found: dict[str, Any]) -> str:
    """One claim, and the live line beside it."""
    belt = found["fastest"]
    how = (
        "with each run just after a round of measuring, of which the twin beside them is made"
        if found["in_turns"]
        else "beside the twin that made the claim, which was measured before all of them"
    )
    return f"""{number}. Claimed: **{belt["items_per_s"]:.0f} items a second**, {belt["belt_m_per_s"]:.1f} m/s, {belt["deadline_ms"]:.0f} ms for each. The live line at shares of that, {how}: {_beside(found["rows"])}

| share | items/s | deadline | lost, twin | lost, live (each run; items in all) | p99, twin | p99, live |
|---:|---:|---:|---:|---:|---:|---:|
{_twin_rows(found["rows"])}"""


def _at(found: dict[str, Any], share: float) -> dict[str, Any]:
    row: dict[str, Any] = next(row for row in found["rows"] if row["share"] == share)
    return row


def _twin_rows(rows: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"| {row['share']:.2f} | {row['items_per_s']:.0f} | {row['deadline_ms']:.0f} ms | {row['twin_lost']:.2%} | "
        f"{_range([100 * lost for lost in row['live_lost']], 2)} % of {row['live_items']:,} | {_or_lost(row['twin_p99_ms'])} | "
        f"{_with_lost(row['live_p99_ms'])} |"
        if "twin_lost" in row
        else f"| {row['share']:.2f} | | none is left | | | | |"
        for row in rows
    )


def _pixels(found: dict[str, Any]) -> str:
    return " x ".join(f"{side:,}" for side in found["pixels"])


def _huge_share(found: dict[str, Any]) -> str:
    shown, others = (sum(turn[which]["items"] for turn in found["turns"]) for which in ("huge", "others"))
    return f"{shown / (shown + others):.1%}"


def _huge_rows(found: dict[str, Any]) -> str:
    rows = []
    for which, name in (("alone", "the small ones by themselves"), ("others", "beside it"), ("huge", "itself")):
        runs = [turn[which] for turn in found["turns"]]
        items, lost = (sum(run[key] for run in runs) for key in ("items", "lost"))
        times = [f"{statistics.median(run[key] for run in runs):.1f} ms" for key in ("p50_ms", "p99_ms", "max_ms")]
        rows.append(f"| {name} | {items:,} | {lost} | {' | '.join(times)} |")
    return "\n".join(rows)


def _referee_rows(found: dict[str, Any]) -> str:
    theirs, ours, rate = found["loadgen"], found["line"], found["items_per_s"]
    claim = ours["lateness"]
    verdict = "claimed" if claim["supported"] else f"not claimed yet: takes {claim['seconds_needed']:.0f} s"
    return (
        f"| load generator | {rate} | {theirs['queries']} | {theirs['over_latency']} | {theirs['p99_ns'] / 1e6:.1f} ms | "
        f"{theirs['validity']} |\n"
        f"| the line | {rate} | {ours['items']} | {claim['late_items']} | {ours['p99_ms']:.1f} ms | at most 1 % of stretches "
        f"late: {verdict} |"
    )


def _range(values: list[float], digits: int) -> str:
    low, high = (f"{value:.{digits}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _with_lost(p99_ms: list[float | None]) -> str:
    """Of several runs, an item that is lost being above all others."""
    values = [value for value in p99_ms if value is not None]
    lost = len(p99_ms) - len(values)
    told = [f"{_range(values, 1)} ms"] if values else []
    return ", ".join([*told, *([f"lost in {lost} of {len(p99_ms)}"] if lost else [])])


def _beside(rows: list[dict[str, Any]]) -> str:
    """Whether the twin is as near to the live line as it is asked to be."""
    told = []
    for row in rows:
        if row["share"] in (0.5, 0.8, 1.5) and "twin_lost" in row:
            off = abs(row["twin_lost"] - statistics.median(row["live_lost"]))
            lowest, highest = (pick(_above(value) for value in row["live_p99_ms"]) for pick in (min, max))
            inside = lowest <= _above(row["twin_p99_ms"]) <= highest
            told.append(
                f"at {row['share']:.2f} shares lost {100 * off:.1f} points apart (median of the runs), the twin's p99 "
                f"{'inside' if inside else '**outside**'} the runs'"
            )
    return f"{'; '.join(told)}."


def _above(p99_ms: float | None) -> float:
    return math.inf if p99_ms is None else p99_ms


def _or_lost(value: float | None) -> str:
    return "lost" if value is None else f"{value:.1f} ms"
