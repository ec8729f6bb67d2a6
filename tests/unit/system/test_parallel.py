import os
from pathlib import Path

import pytest

from scrapline.system.parallel import cores

BOUND = 8


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(BOUND)), raising=False)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("max 100000", BOUND),
        ("200000 100000", 2),
        ("150000 100000", 2),  # a core and a half keeps two busy
        ("10000 100000", 1),
        ("6400000 100000", BOUND),
        ("nonsense", BOUND),
        ("", BOUND),
        ("100000 0", BOUND),
    ],
)
def test_a_containers_quota_counts_in_version_2(tmp_path: Path, content: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{content}\n")
    assert cores(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", BOUND), ("300000", 3), ("50000", 1)])
def test_a_containers_quota_counts_in_version_1(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert cores(tmp_path) == expected


def test_without_cgroups_all_cores_count(tmp_path: Path) -> None:
    assert cores(tmp_path) == BOUND
