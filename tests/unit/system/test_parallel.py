"""How many processors a process may use, from control groups written by hand; and work shared out to them."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import pytest

from scrapline.system import parallel
from scrapline.system.cgroups import cpu_limit

V2 = "0::/a/b\n"
V1 = "5:cpuset:/\n4:cpu,cpuacct:/docker/x\n0::/\n"


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def v1(group: str, quota: str, period: str) -> dict[str, str]:
    return {f"{group}/cpu.cfs_quota_us": f"{quota}\n", f"{group}/cpu.cfs_period_us": f"{period}\n"}


@pytest.mark.parametrize(
    ("own", "files", "limit"),
    [
        (V2, {"a/b/cpu.max": "200000 100000\n"}, 2),
        (V2, {"a/b/cpu.max": "150000 100000\n"}, 2),
        (V2, {"a/b/cpu.max": "5000 100000\n"}, 1),
        (V2, {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        (V2, {"a/b/cpu.max": "800000 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        (V2, {"a/b/cpu.max": "max 100000\n"}, None),
        (V2, {"a/b/cpu.max": "damaged\n"}, None),
        (V2, {}, None),
        ("0::/\n", {"cpu.max": "250000 50000\n"}, 5),
        ("0::/../other\n", {"cpu.max": "250000 50000\n"}, 5),
        (V1, v1("cpu,cpuacct/docker/x", "250000", "1e"), None),
        (V1, v1("cpu,cpuacct/docker/x", "250000", "100000"), 3),
        (V1, v1("cpu", "250000", "100000"), 3),
        (V1, v1("cpu,cpuacct/docker/x", "-1", "100000"), None),
        ("damaged", {}, None),
    ],
)
def test_a_quota_counts_in_whole_processors(own: str, files: dict[str, str], limit: int | None, tmp_path: Path) -> None:
    (tmp_path / "own").write_text(own)
    put(tmp_path / "mount", files)
    assert cpu_limit(tmp_path / "own", tmp_path / "mount") == limit


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert cpu_limit(tmp_path / "none", tmp_path) is None


@pytest.mark.parametrize(("quota", "cores"), [(None, 4), (3, 3), (9, 4)])
def test_cores_are_those_of_the_mask_and_of_the_quota(
    quota: int | None, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 2, 4, 6}, raising=False)
    monkeypatch.setattr(parallel, "_QUOTA", quota)
    assert parallel.cores() == cores


@pytest.mark.parametrize(
    ("cores", "windows", "workers"), [(8, False, 8), (128, False, 128), (61, True, 61), (64, True, 61)]
)
def test_windows_waits_for_61_workers_at_most(cores: int, windows: bool, workers: int) -> None:
    assert parallel.workers(cores, windows=windows) == workers


def pid(_: int) -> int:
    return os.getpid()


def test_work_is_shared_out_to_as_many_processes_as_asked_for() -> None:
    with closing(parallel.process_map(pid, iter(int, 1), processes=1)) as pids:
        (one,) = set(islice(pids, 20))
    assert one != os.getpid()


def test_only_the_main_thread_holds_stops_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python raises them there: another thread that held one back would end by it, and the main one never know."""
    held: list[str] = []

    @contextmanager
    def holding() -> Iterator[None]:
        held.append(threading.current_thread().name)
        yield

    def work() -> None:
        assert list(parallel.process_map(abs, [-1, 2], processes=1)) == [1, 2]

    monkeypatch.setattr(parallel, "holding_stops", holding)
    other = threading.Thread(target=work)
    other.start()
    other.join()
    assert held == []
    work()
    assert held == [threading.main_thread().name] * 2
