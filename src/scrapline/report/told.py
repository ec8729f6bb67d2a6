"""The figures of a run in a few lines on the console."""

from typing import Any

from scrapline.cli.console import info
from scrapline.line.states import State


def tell(metrics: dict[str, Any]) -> None:
    """How many came, what became of them, how pure the bins were, and what can be claimed of being in time."""
    if not metrics["items"]:
        info("no item came by")
        return
    info(f"{metrics['items']} items{_rate(metrics)}: {_states(metrics['states'])}")
    if "mix" in metrics["feed"]:
        info(f"materials mixed {metrics['feed']['mix']}")
    if interruptions := metrics["interruptions_s"]:
        info(
            f"interrupted {len(interruptions)} times, for {sum(interruptions):.1f} s in all; what follows on workers "
            "and camera is of the last part"
        )
    latency, workers = metrics["latency_ms"], metrics["workers"]
    times = ", ".join(f"{name} {_ms(latency[name])}" for name in ("p50", "p95", "p99"))
    if not latency["items"]:
        times = "no item was to be classified, with a deadline"
    info(
        f"from arrival to decision {times} of {metrics['deadline_ms']:.0f} ms; {workers['workers']} workers, busy "
        f"{workers['utilisation']:.0%} of the time"
    )
    for name, bins in (metrics["bins"] or {}).items():
        info(f"  {name}: purity {_evidence(bins['purity'])}; recovery {_evidence(bins['recovery'])}")
    info(lateness(metrics["lateness"]))
    if workers["replaced"]:
        info(f"warning: a worker failed {workers['replaced']} times ({workers['first_failure']})")
    if gaps := metrics["feed"].get("gaps_in_all"):
        info(
            f"the camera saw nothing {gaps} times, {metrics['feed']['gap_seconds']:.1f} s in all: "
            f"{metrics['feed']['items_missed']} items were not captured"
        )
    waited_s = metrics["feed"]["waited_s"]
    if waited_s > 0:
        info(
            f"the feed was the bottleneck: the belt stood still for {waited_s:.1f} s, waiting for frames; this machine "
            "could sort more"
        )


def lateness(claim: dict[str, Any]) -> str:
    """What the run shows of being in time, as one sentence."""
    seen = f"{claim['late']} of {claim['stretches']} stretches of one deadline had a late item"
    if claim["supported"]:
        return (
            f"shown at 99 % confidence, for disturbances of up to a second: at most 1 % of stretches have a late item "
            f"({seen})"
        )
    if claim["seconds_needed"] is None:
        return f"{seen}, too many in a row to claim anything"
    return (
        f"{seen}: too few stretches to claim at most 1 % at 99 % confidence, which takes "
        f"{_time(claim['seconds_needed'])} in all without another one"
    )


def _rate(metrics: dict[str, Any]) -> str:
    came = metrics["items_a_minute"]["came"]
    return "" if came is None else f" in {_time(metrics['seconds'])}, {came / 60:.1f} a second"


def _states(states: dict[str, Any]) -> str:
    said = [f"{found['items']} {state} ({found['share']:.1%})" for state, found in states.items() if found["items"]]
    order = [State.SORT, State.REVIEW, State.UNKNOWN]
    return ", ".join(sorted(said, key=lambda text: not any(f" {state} " in text for state in order)))


def _evidence(found: dict[str, Any]) -> str:
    if found["rate"] is None:
        return "none"
    return (
        f"{found['rate']:.1%} ({found['ci95_low']:.1%} to {found['ci95_high']:.1%}) of {found['items']} items, "
        f"{found['photos']} photo{'s' if found['photos'] != 1 else ''}"
    )


def _ms(value: float | None) -> str:
    return "over the deadline" if value is None else f"{value:.1f}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
