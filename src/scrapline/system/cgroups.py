"""The share of the processors that a container was given: Linux's control groups, version 2 and version 1."""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def cpu_limit(own: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Whole processors that the tightest quota over this process allows, a part counted as one; None without quota.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max: "$MAX $PERIOD", in microseconds) and
    https://docs.kernel.org/scheduler/sched-bwc.html (cpu.cfs_quota_us, cpu.cfs_period_us).
    """
    quotas = [quota for group in _groups(own, mount) if (quota := _quota(group)) is not None]
    return max(1, math.ceil(min(quotas))) if quotas else None


def _groups(own: Path, mount: Path) -> Iterator[Path]:
    """The folders of this process's groups and of those around them, whose limits hold, too."""
    lines = []
    with suppress(OSError):
        lines = own.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        roots = [] if controllers else [mount]
        if "cpu" in controllers.split(","):
            roots = [mount / controllers, mount / "cpu"]
        for root in roots:
            # In a container the path may be the host's: then only the root is there, and is the container's own.
            group = root.joinpath(*(part for part in path.split("/") if part not in ("", "..")))
            yield group
            yield from (parent for parent in group.parents if parent == root or root in parent.parents)


def _quota(group: Path) -> float | None:
    with suppress(OSError, ValueError, ZeroDivisionError):
        if (group / "cpu.max").is_file():
            most, period = (group / "cpu.max").read_text(encoding="ascii").split()
        else:
            most, period = (
                (group / name).read_text(encoding="ascii") for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            )
        quota = int(most) / int(period)  # "max" is no number, -1 no limit
        return quota if quota > 0 else None
    return None
