"""Every row of docs/rebuilds.md: what DVC finds stale by the change alone, and, nightly, what then runs.

What a change of code or params reaches is known before anything runs, so DVC judges it in this process. Whether the
stages after it run too depends on what it gives: here one real run for each stage that a change can begin with.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator

import pytest
from dvc.repo import Repo

from conftest import ROOT
from pipeline import rebuilds
from pipeline.conftest import STAGES, Clone
from pipeline.rebuilds import Change

SLOW = pytest.mark.slow
QUICK = {  # one that begins with each stage, one that reruns nothing, and what DVC cannot judge without running
    "a photo added to `data/raw`",
    "`lr`",
    "`evaluate.target_purity`",
    "`export.opset`",
    "`simulate.items`",
    "README.md",
    *(change.what for change in rebuilds.OUTS),
}


@pytest.fixture(scope="module")
def fork(own: Clone) -> Clone:
    return own.fork("rebuilds")


@pytest.fixture(scope="module")
def pinned(own: Clone) -> Clone:
    """The same photos with split lists: the first two of each class to test, the next two to validation."""
    clone = own.fork("pinned")
    folder = clone.root / "data/splits/pinned"
    folder.mkdir()
    photos = [f"{name}/{index:03d}.jpg" for name in ("blue", "red") for index in range(12)]
    for split, chosen in {"val": "01", "test": "23", "train": "456789"}.items():
        listed = [photo for photo in photos if photo[-5] in chosen and photo[-6] == "0"]
        (folder / f"{split}.txt").write_text("\n".join(listed) + "\n")
    clone.change("params.yaml", lambda params: params["data"]["split"].update(scheme="lists", lists="pinned"))
    clone.repro()
    clone.commit("pinned")
    return clone


def stale(repo: Repo) -> tuple[str, ...]:
    """The stages that DVC finds changed, as `dvc status` does; it names them as seen from the working directory."""
    with repo.lock:
        found = {stage.addressing for stage in repo.index.stages if stage.status()}
    return tuple(stage for stage in STAGES if stage in found)


def check_stale(clone: Clone, change: Change) -> None:
    """Make the change, and see what DVC finds stale."""
    with contextlib.chdir(clone.root), Repo() as repo:
        change.make(clone)
        assert stale(repo) == change.found_stale()


def check_run(clone: Clone, change: Change) -> None:
    """Make the change, and see what runs."""
    try:
        change.make(clone)
        assert tuple(clone.repro()) == change.runs
    finally:
        clone.restore()


def rows(changes: list[Change], quick: set[str] | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """One test a change; all but the quick ones, if there are such, wait for the night."""
    marked = [
        pytest.param(change, id=change.what, marks=() if quick is None or change.what in quick else SLOW)
        for change in changes
    ]
    return pytest.mark.parametrize("change", marked)


@rows(rebuilds.PARAMS + rebuilds.NEITHER)
def test_dvc_finds_stale_what_a_change_reaches(fork: Clone, change: Change) -> None:
    try:
        check_stale(fork, change)
    finally:
        fork.restore_tracked()


@rows(rebuilds.DATA)
def test_dvc_finds_stale_what_other_data_reach(fork: Clone, change: Change) -> None:
    try:
        check_stale(fork, change)
    finally:
        fork.restore()


@rows(rebuilds.PINNED)
def test_dvc_finds_stale_what_split_lists_reach(pinned: Clone, change: Change) -> None:
    try:
        check_stale(pinned, change)
    finally:
        pinned.restore_tracked()


@pytest.fixture(scope="module")
def opened(fork: Clone) -> Iterator[Repo]:
    """The repository with dvc.yaml and dvc.lock read once, since no source file changes them."""
    with contextlib.chdir(fork.root), Repo() as repo:
        assert stale(repo) == ()
        yield repo


@rows(rebuilds.CODE)
def test_dvc_finds_stale_what_imports_a_source_file(fork: Clone, opened: Repo, change: Change) -> None:
    try:
        with contextlib.chdir(fork.root):
            change.make(fork)
            assert stale(opened) == change.found_stale()
    finally:
        fork.restore_tracked()


@rows(rebuilds.PARAMS, QUICK)
def test_a_param_reruns_what_reads_it(fork: Clone, change: Change) -> None:
    check_run(fork, change)


@rows(rebuilds.DATA + rebuilds.OUTS, QUICK)
def test_data_reruns_what_it_reaches(fork: Clone, change: Change) -> None:
    check_run(fork, change)


@rows(rebuilds.PINNED, QUICK)
def test_split_lists_are_inputs(pinned: Clone, change: Change) -> None:
    check_run(pinned, change)


@rows(rebuilds.NEITHER, QUICK)
def test_what_is_no_input_reruns_nothing(fork: Clone, change: Change) -> None:
    check_run(fork, change)


def test_the_table_is_as_generated_and_long_enough() -> None:
    assert (ROOT / "docs/rebuilds.md").read_text(encoding="utf-8") == rebuilds.markdown(), "run `make rebuilds`"
    assert sum(len(changes) for changes in rebuilds.TABLES.values()) >= 25
    for change in itertools.chain(*rebuilds.TABLES.values()):
        assert set(change.found_stale()) <= set(change.runs)


def test_a_real_run_begins_with_every_stage() -> None:
    quick = [change for change in rebuilds.PARAMS + rebuilds.DATA if change.what in QUICK]
    assert {change.runs[0] for change in quick} == set(STAGES)
