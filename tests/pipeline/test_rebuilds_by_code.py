"""A comment in every source file, one after the other: exactly the stages whose command imports it run.

Here one file that all stages import, nightly all files.
"""

import pytest

from pipeline import rebuilds
from pipeline.conftest import STAGES, Clone
from pipeline.rebuilds import Change
from pipeline.test_rebuilds import check_run, rows

EVERYWHERE = next(change for change in rebuilds.CODE if change.runs == STAGES)


@pytest.fixture(scope="module")
def fork(own: Clone) -> Clone:
    return own.fork("code")


@rows(rebuilds.CODE, {EVERYWHERE.what})
def test_a_source_file_reruns_what_imports_it_and_nothing_after(fork: Clone, change: Change) -> None:
    check_run(fork, change)
