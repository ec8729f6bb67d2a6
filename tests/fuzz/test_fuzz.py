"""Imaging keeps its promises for the corpus, and for what a fuzzer makes of it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import fuzz_imaging

CORPUS = Path(__file__).parent / "corpus"
RUNS, SECONDS = 8000, 60  # the same files everywhere, unless a machine is too slow for them
NIGHTLY_RUNS, NIGHTLY_SECONDS = 1_000_000, 600


@pytest.mark.parametrize("max_side", fuzz_imaging.SIDES)
@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_imaging_keeps_its_promises(path: Path, max_side: int) -> None:
    fuzz_imaging.check(path.read_bytes(), max_side)


def test_the_corpus_is_small() -> None:
    sizes = [path.stat().st_size for path in CORPUS.iterdir()]
    assert len(sizes) <= 40
    assert max(sizes) <= 2000


@pytest.mark.parametrize(
    ("runs", "seconds"), [(RUNS, SECONDS), pytest.param(NIGHTLY_RUNS, NIGHTLY_SECONDS, marks=pytest.mark.slow)]
)
def test_a_fuzzer_finds_nothing(tmp_path: Path, runs: int, seconds: int) -> None:
    pytest.importorskip("atheris", reason="it is not built for every platform")
    shutil.copytree(CORPUS, tmp_path / "corpus")
    options = ["-seed=7", f"-runs={runs}", f"-max_total_time={seconds}", "-max_len=2000", "corpus"]
    done = subprocess.run(
        [sys.executable, fuzz_imaging.__file__, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "DONE" in done.stderr
