"""Find the copies among photos: candidates from the index, each verified pair by pair, on all cores."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from scrapline.cli.console import counter
from scrapline.data.duplicates.candidates import Pairs, find_candidates
from scrapline.data.duplicates.grounds import Grounds, find_grounds
from scrapline.data.duplicates.orientations import NAMES
from scrapline.data.duplicates.registration import Registrar
from scrapline.data.duplicates.thumbnails import Thumbnails
from scrapline.data.duplicates.verification import Match, match
from scrapline.data.duplicates.views import View
from scrapline.system.parallel import process_map

_PAIRS_AT_ONCE = 256
# Fewer are compared sooner than worker processes start.
_WORTH_WORKERS = 1024
_VIEWS_KEPT = 256
_SAME_PIXELS = 0.99


@dataclass(frozen=True)
class Copies:
    """Two photos found to be copies, `first` < `second` by number, and how."""

    first: int
    second: int
    orientation: int
    match: Match

    @property
    def resaved(self) -> bool:
        """Whether one is the other saved again: same framing, not turned, pixels that correlate by 0.99."""
        return self.orientation == 0 and self.match.same_framing and self.match.correlation >= _SAME_PIXELS

    @property
    def reason(self) -> str:
        """What was done to one to get the other, for people."""
        if self.resaved:
            return "saved again"
        framing = "same framing" if self.match.same_framing else "moved or zoomed"
        return framing if self.orientation == 0 else f"{framing}, {NAMES[self.orientation]}"


@dataclass(frozen=True)
class Verifier:
    """Compares candidates; picklable."""

    path: Path
    rows: npt.NDArray[np.int64]
    grounds: Grounds

    def __call__(self, candidates: Pairs) -> list[Copies]:
        """Those of some candidates that are copies."""
        with threadpool_limits(1):  # each core has its own pairs
            return self._verified(candidates)

    def _verified(self, candidates: Pairs) -> list[Copies]:
        thumbnails = Thumbnails(self.path, self.rows)
        registrar = Registrar(self.grounds)
        behind = lru_cache(maxsize=_VIEWS_KEPT)(registrar.behind)

        @lru_cache(maxsize=_VIEWS_KEPT)
        def view(photo: int, orientation: int) -> View:
            upright = View(
                thumbnails[photo].astype(np.float32), 0, int(self.grounds.of[photo]), self.grounds.behind(photo)
            )
            return upright.turned(orientation) if orientation else upright

        found = []
        for first, second, orientation in candidates.tolist():
            how = match(view(first, 0), view(second, orientation), behind)
            if how is not None:
                found.append(Copies(first, second, orientation, how))
        return found


def find_copies(path: Path, rows: npt.NDArray[np.int64]) -> list[Copies]:
    """The copies among the photos whose thumbnails stand in these rows of a file, each pair once, in order.

    Memory grows by the index (64 float32 a photo), the candidates (three int64 a pair) and the copies found.
    """
    if len(rows) < 2:
        return []
    thumbnails = Thumbnails(path, rows)
    grounds = find_grounds(thumbnails)
    candidates = find_candidates(thumbnails)
    best: dict[tuple[int, int], Copies] = {}
    verifier = Verifier(path, rows, grounds)
    chunks = [candidates[at : at + _PAIRS_AT_ONCE] for at in range(0, len(candidates), _PAIRS_AT_ONCE)]
    spread = process_map if len(candidates) >= _WORTH_WORKERS else _one_by_one
    with closing(spread(verifier, chunks)) as results, counter("comparing pairs", len(candidates), "pairs") as advance:
        for chunk, found in zip(chunks, results, strict=True):
            advance(len(chunk))
            for copies in found:
                key = copies.first, copies.second
                if key not in best or copies.match.likeness.mean > best[key].match.likeness.mean:
                    best[key] = copies
    return [best[key] for key in sorted(best)]


def _one_by_one(verifier: Verifier, chunks: list[Pairs]) -> Generator[list[Copies], None, None]:
    yield from map(verifier, chunks)
