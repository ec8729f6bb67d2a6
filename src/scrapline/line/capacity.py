"""How fast the belt can go: the twin is asked for faster and faster belts, the deadline shrinking with each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scrapline.line.belt import Arrivals, Belt
from scrapline.line.dispatch import Policy
from scrapline.line.twin import Played, Services, play

MOST_LOST = 0.001
_CLOSE = 1.005  # the search ends when the fastest belt is known to half a per cent
_SLOWER = 1.01  # for a belt that loses more in a longer run


@dataclass(frozen=True)
class Plant:
    """What stays as it is while the belt's speed is sought."""

    belt: Belt
    arrivals: Arrivals
    policy: Policy
    measured: Sequence[Services]
    seed: int

    def at(self, items_per_s: float, seconds: float) -> Played:
        """So many seconds of the belt at the speed that brings so many items."""
        belt = self.belt.at(items_per_s)
        policy = replace(self.policy, deadline_s=belt.deadline_ms / 1000)
        return play(belt, self.arrivals, policy, self.measured, seconds=seconds, seed=self.seed)

    @property
    def bound(self) -> float:
        """Items a second that no line with these workers can pass, whatever its policy; or that leave no time at all.

        By the quickest runs that were measured, and by the belt's speed at which nothing is left before the ejector.
        """
        quickest = max(
            frames * len(times) / sum(times) for services in self.measured for frames, times in services.seconds.items()
        )
        fastest_m_per_s = self.belt.camera_to_ejector_m / (self.belt.actuation_lead_ms / 1000 or 1e-6)
        rate_at_it = self.belt.lanes * self.belt.items_per_m * fastest_m_per_s
        return min(1.5 * self.policy.workers * quickest, 0.999 * rate_at_it)


def fastest(plant: Plant, seconds: float, kept_s: float) -> float:
    """The most items a second of which at most 0.1 % are late or dropped, sought by belts of so many seconds each.

    That belt keeps it for `kept_s` too. A slow enough belt leaves any line its time.
    """
    low, high = plant.bound, plant.bound
    while plant.at(low, seconds).lost > MOST_LOST:
        low, high = low / 1.5, low
    while high / low > _CLOSE:
        middle = (low * high) ** 0.5
        if plant.at(middle, seconds).lost <= MOST_LOST:
            low = middle
        else:
            high = middle
    while plant.at(low, kept_s).lost > MOST_LOST:
        low /= _SLOWER
    return low
