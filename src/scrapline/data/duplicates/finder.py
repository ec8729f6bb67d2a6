"""Find the copies among photos: candidates from the index, each verified pair by pair, on all cores."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from scrapline.cli.console import counter
from scrapline.data.duplicates.candidates import Pairs, find_candidates
from scrapline.data.duplicates.grounds import Grounds, find_grounds
from scrapline.data.duplicates.orientations import NAMES
from scrapline.data.duplicates.registration import Registrar
from scrapline.data.duplicates.thumbnails import Levels, Thumbnails
from scrapline.data.duplicates.verification import Match, glance, match
from scrapline.data.duplicates.views import View
from scrapline.data.learned import NOTHING, Learned
from scrapline.system.keys import key_of, maker
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
    """Compares candidates; picklable. Those that are known to be no copies are not compared again."""

    path: Path
    rows: npt.NDArray[np.int64]
    grounds: Grounds
    learned: Learned = NOTHING

    def __call__(self, candidates: Pairs) -> list[Copies]:
        """Those of some candidates that are copies."""
        with threadpool_limits(1):  # each core has its own pairs
            return self._verified(candidates)

    def _verified(self, candidates: Pairs) -> list[Copies]:
        thumbnails = Thumbnails(self.path, self.rows)
        registered = lru_cache(maxsize=_VIEWS_KEPT)(_registrar(self.grounds).behind)
        asked: list[View] = []  # of what lies behind, which all grounds of the data set decide

        def behind(view: View) -> Levels | None:
            asked.append(view)
            return registered(view)

        @lru_cache(maxsize=_VIEWS_KEPT)
        def view(photo: int, orientation: int) -> View:
            upright = View(
                thumbnails[photo].astype(np.float32), 0, int(self.grounds.of[photo]), self.grounds.behind(photo)
            )
            return upright.turned(orientation) if orientation else upright

        found, unlike = [], []
        for (first, second, orientation), (alone, grounded) in self._unknown(candidates, thumbnails):
            one, other = view(first, 0), view(second, orientation)
            raw = glance(one, other)
            if raw is None:
                unlike.append(alone)
                continue
            asked.clear()
            how = match(one, other, raw, behind)
            if how is not None:
                found.append(Copies(first, second, orientation, how))
            elif not asked:
                unlike.append(grounded)
        self.learned.keep_unlike(unlike)
        return found

    def _unknown(
        self, candidates: Pairs, thumbnails: Thumbnails
    ) -> list[tuple[tuple[int, int, int], tuple[bytes, bytes]]]:
        """The pairs not known to be unlike, each with two keys.

        The first is for all that decides whether a glance parts them, the second for all that decides whether they are
        copies as long as no ground but their own is asked for.
        """

        @cache
        def photo(number: int) -> bytes:
            return key_of(thumbnails[number].tobytes())

        keyed = []
        for first, second, way in candidates.tolist():
            alone = key_of(photo(first), photo(second), bytes([way]), _maker())
            keyed.append(((first, second, way), (alone, self._grounded(alone, first, second))))
        known = self.learned.unlike([key for _, keys in keyed for key in keys])
        return [(pair, keys) for pair, keys in keyed if known.isdisjoint(keys)]

    def _grounded(self, alone: bytes, first: int, second: int) -> bytes:
        grounds = self.grounds
        on_one = bytes([int(grounds.of[first] == grounds.of[second])])
        return key_of(alone, grounds.key(first), grounds.key(second), on_one)


def find_copies(path: Path, rows: npt.NDArray[np.int64], learned: Learned = NOTHING) -> list[Copies]:
    """The copies among the photos whose thumbnails stand in these rows of a file, each pair once, in order.

    Memory grows by two indexes (48 float16 a photo each), the candidates (three int64 a pair) and the copies found.
    `learned` knows of pairs that earlier runs compared.
    """
    if len(rows) < 2:
        return []
    thumbnails = Thumbnails(path, rows)
    grounds = find_grounds(thumbnails)
    candidates = find_candidates(thumbnails)
    best: dict[tuple[int, int], Copies] = {}
    verifier = Verifier(path, rows, grounds, learned)
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


_registrars: dict[bytes, Registrar] = {}


def _registrar(grounds: Grounds) -> Registrar:
    """One for all that a worker compares, since it takes long to make."""
    if grounds.digest not in _registrars:
        _registrars.clear()
        _registrars[grounds.digest] = Registrar(grounds)
    return _registrars[grounds.digest]


@lru_cache(maxsize=1)
def _maker() -> bytes:
    """The key of all that decides whether two photos are copies."""
    return maker(Path(__file__).parent.glob("*.py"), ("numpy", "opencv-python-headless", "scipy"))


def _one_by_one(verifier: Verifier, chunks: list[Pairs]) -> Generator[list[Copies], None, None]:
    yield from map(verifier, chunks)
