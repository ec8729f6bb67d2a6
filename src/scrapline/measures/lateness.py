"""Whether a run shows that late items are rare: the early-stopping rule of MLPerf, for late items that come in bursts.

The rule takes its trials for independent, and items are not: one stall makes all items late that are due in it. So the
trial is a stretch of one deadline, late if an item due in it was, and only stretches further apart than a disturbance
lasts are judged together. A disturbance of S seconds makes items late that are due at times from some a to a + S.
Numbers of stretches in that time differ by at most ceil(S / deadline), whatever a is, and by that much for some a; so
1 + ceil(S / deadline) is the least spacing at which no two stretches of one phase share a disturbance. The rule must
hold in each phase by itself: a wrong claim is then as rare as the rule says in the phase with the largest true share.

What cannot be seen from a run is a disturbance that lasts longer than was declared and did not happen during the run.
"""

import math
from dataclasses import dataclass

import scipy  # loads `special` when it is used; `stats` would take a second more, at the end of every run

# Spacings kept at once: the least one, times these. Longer runs of late stretches support no claim.
_MULTIPLES = (1, 2, 4, 8, 16, 32, 64)


def supports(late: int, stretches: int, share: float = 0.01, confidence: float = 0.99) -> bool:
    """Whether `late` of `stretches` independent ones show that at most `share` are late (MLPerf's early stopping)."""
    return bool(scipy.special.bdtr(late, stretches, share) <= 1 - confidence)


def needed(late: int, share: float = 0.01, confidence: float = 0.99) -> int:
    """The fewest stretches of which `late` may be late so that they still support the claim."""
    low, high = late, 2 * (late + 1)
    while not supports(late, high, share, confidence):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if supports(late, middle, share, confidence) else (middle, high)
    return high


def upper_bound(late: int, stretches: int, confidence: float = 0.99) -> float:
    """The largest share that `late` of `stretches` leave possible, one-sided (Clopper and Pearson 1934)."""
    return 1.0 if late >= stretches else float(scipy.special.betaincinv(late + 1, stretches - late, confidence))


@dataclass(frozen=True)
class Claim:
    """What a run shows about late items.

    Of `stretches` in which an item was due, `late` had a late one. Every `spacing`-th of them makes a phase; the worst
    phase has `worst_stretches`, of which `worst_late` were late, and leaves a share up to `upper_bound` possible. All
    this holds for disturbances of up to `longest_stall_s`. `longest_run`: most late stretches in a row.
    `seconds_needed`: how long a run would have to be in all, if nothing more is late and items come as often; None
    where late stretches came in longer runs than can be judged.
    """

    longest_stall_s: float
    items: int
    late_items: int
    stretches: int
    late: int
    longest_run: int
    spacing: int
    worst_stretches: int
    worst_late: int
    upper_bound: float
    supported: bool
    seconds_needed: float | None


class Stretches:
    """Counts the stretches of a run with a late item, one item at a time, in memory that does not grow.

    `longest_stall_s`: how far apart the due times of items can lie that one disturbance makes late, its backlog
    included. Raises ValueError unless the deadline is above 0 s and the stall not below.
    """

    def __init__(self, deadline_s: float, longest_stall_s: float = 1.0) -> None:
        if deadline_s <= 0 or longest_stall_s < 0:
            raise ValueError(f"a deadline of {deadline_s} s and stalls of {longest_stall_s} s: must be above 0, from 0")
        self._longest_stall_s = longest_stall_s
        least = 1 + math.ceil(longest_stall_s / deadline_s)
        self._deadline_s = deadline_s
        self._late_by_phase = [[0] * (least * multiple) for multiple in _MULTIPLES]
        self._items = self._late_items = 0
        # Stretches are numbered in time (`_latest`, from the segment's `_first`); those in which an item was due are
        # counted besides, and phases follow this count, so that items at a steady pace cannot leave a phase empty.
        self._first = self._latest = self._stretches = 0
        self._last_late = -1  # counted from 1
        self._run = self._longest_run = 0

    def add(self, due_s: float, in_time: bool) -> None:
        """Count one item, by the time [s] since the segment's start at which it was due.

        Raises ValueError where it was due in an earlier stretch than the item before it.
        """
        number = self._first + math.floor(due_s / self._deadline_s)
        if number < self._latest:
            raise ValueError(f"an item due at {due_s} s comes after a later one")
        if number > self._latest or not self._stretches:
            self._latest = number
            self._stretches += 1
        self._items += 1
        if not in_time:
            self._late_items += 1
            self._count_late()

    def new_segment(self) -> None:
        """The run was interrupted: due times begin again at 0.

        The stretch that was cut short and the first one of the new segment count as one. So there are always
        `spacing` - 1 stretches of full length between two of one phase, also across an interruption.
        """
        self._first = self._latest

    def claim(self, share: float = 0.01, confidence: float = 0.99) -> Claim:
        """Whether at most `share` of the stretches are late, at this confidence. To be asked once, at the end."""
        least = len(self._late_by_phase[0])
        # What made r stretches late may make r + 1 late another time; what was declared cannot do that.
        enough = self._longest_run + 1 if self._longest_run > least else least
        # Chosen by what was seen, but no second try: each phase of the least spacing is made of whole phases of a wider
        # one, and supports the claim if they do (`needed` of a sum is at most the sum of `needed`).
        late_by_phase = next((late for late in self._late_by_phase if len(late) >= enough), self._late_by_phase[-1])
        spacing = len(late_by_phase)
        counts = {(late, (self._stretches + spacing - 1 - at) // spacing) for at, late in enumerate(late_by_phase)}
        bound, worst_late, worst_stretches = max((upper_bound(*count, confidence), *count) for count in counts)
        seconds_each = self._deadline_s * (self._latest + 1) / max(1, self._stretches)
        fits = spacing >= enough
        return Claim(
            longest_stall_s=self._longest_stall_s,
            items=self._items,
            late_items=self._late_items,
            stretches=self._stretches,
            late=sum(self._late_by_phase[0]),
            longest_run=self._longest_run,
            spacing=spacing,
            worst_stretches=worst_stretches,
            worst_late=worst_late,
            upper_bound=bound,
            supported=fits and supports(worst_late, worst_stretches, share, confidence),
            seconds_needed=seconds_each * spacing * needed(max(late_by_phase), share, confidence) if fits else None,
        )

    def _count_late(self) -> None:
        if self._last_late == self._stretches:
            return
        self._run = self._run + 1 if self._last_late == self._stretches - 1 else 1
        self._longest_run = max(self._longest_run, self._run)
        self._last_late = self._stretches
        for phases in self._late_by_phase:
            phases[(self._stretches - 1) % len(phases)] += 1
