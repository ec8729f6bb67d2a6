"""Every row of docs/rebuilds.md, made for real: exactly the stages it names run."""

from collections.abc import Callable

import pytest

from conftest import ROOT
from pipeline import rebuilds
from pipeline.conftest import Clone
from pipeline.rebuilds import Change

SLOW = pytest.mark.slow
QUICK = {
    "`lr`",
    "a photo added to `data/raw`",
    "other weights under the same name",
    "the model overwritten",
    "README.md",
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


def check(clone: Clone, change: Change) -> None:
    try:
        change.make(clone)
        assert tuple(clone.repro()) == change.runs
    finally:
        clone.restore()


def rows(changes: list[Change]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """One test a change; all but the quick ones wait for the sweeps."""
    marked = [pytest.param(change, id=change.what, marks=() if change.what in QUICK else SLOW) for change in changes]
    return pytest.mark.parametrize("change", marked)


@rows(rebuilds.PARAMS)
def test_a_param_reruns_what_reads_it(fork: Clone, change: Change) -> None:
    check(fork, change)


@rows(rebuilds.DATA + rebuilds.OUTS)
def test_data_reruns_what_it_reaches(fork: Clone, change: Change) -> None:
    check(fork, change)


@rows(rebuilds.PINNED)
def test_split_lists_are_inputs(pinned: Clone, change: Change) -> None:
    check(pinned, change)


@rows(rebuilds.NEITHER)
def test_what_is_no_input_reruns_nothing(fork: Clone, change: Change) -> None:
    check(fork, change)


def test_the_table_is_as_generated_and_long_enough() -> None:
    assert (ROOT / "docs/rebuilds.md").read_text(encoding="utf-8") == rebuilds.markdown(), "run `make rebuilds`"
    assert sum(len(changes) for changes in rebuilds.TABLES.values()) >= 25
