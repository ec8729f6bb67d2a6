"""The learning rate's way through a training."""

import math

_WARM_UP_SHARE = 0.05


def warm_up_and_cosine(step: int, total: int) -> float:
    """Share of the base learning rate at a step: up linearly for 5 % of all steps, then down by a cosine to 0."""
    warm_up = max(1, round(_WARM_UP_SHARE * total))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, total - warm_up))))
