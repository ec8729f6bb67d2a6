"""The run in Git: its lock is of this code and these params, and a clean run elsewhere gives the same bits again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import kills
from pipeline.conftest import STAGES, Clone, side_by_side

Make = Callable[..., Clone]


def test_the_committed_lock_is_fresh(make_clone: Make) -> None:
    """DVC exits 0 even where a first stage is stale, and only says that it would run it."""
    clone = make_clone("fresh", shrunk=False)
    assert clone.ran(clone.run("dvc", "repro", "--dry", "--allow-missing")) == []


def assert_same_bits(one: Clone, other: Clone) -> None:
    assert kills.locked(one) == kills.locked(other)
    assert kills.deterministic(one.outs()) == kills.deterministic(other.outs())


def test_two_clean_runs_of_a_small_demo_in_two_folders_give_the_same_bits(
    demo: Clone, make_clone: Make, warm_python: Path
) -> None:
    """The one with an interpreter of its own for each stage, the other with the one that tests share."""
    other = replace(make_clone("a-folder-with-another-name"), interpreter=warm_python)
    assert other.repro() == list(STAGES)
    assert_same_bits(demo, other)


@pytest.mark.full_size
def test_two_clean_runs_of_the_demo_in_two_folders_give_the_same_bits(make_clone: Make) -> None:
    one, other = make_clone("one", shrunk=False), make_clone("a-folder-with-another-name", shrunk=False)
    for clone in (one, other):
        (clone.root / "dvc.lock").unlink()
    assert side_by_side(Clone.repro, one, other) == [list(STAGES), list(STAGES)]
    assert_same_bits(one, other)
