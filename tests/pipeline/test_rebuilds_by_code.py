"""A comment in every source file, one after the other: exactly the stages whose command imports it run."""

import pytest

from pipeline import rebuilds
from pipeline.conftest import Clone
from pipeline.rebuilds import Change
from pipeline.test_rebuilds import check, rows


@pytest.fixture(scope="module")
def fork(own: Clone) -> Clone:
    return own.fork("code")


@rows(rebuilds.CODE)
def test_a_source_file_reruns_what_imports_it_and_nothing_after(fork: Clone, change: Change) -> None:
    check(fork, change)
