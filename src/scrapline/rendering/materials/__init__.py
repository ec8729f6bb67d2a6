"""One module for each material, each with its `FORMS`: functions from a random generator and a pose to pieces."""

from collections.abc import Callable

from scrapline.rendering.fields import Rng
from scrapline.rendering.materials import cardboard, glass, metal, paper, plastic, trash
from scrapline.rendering.piece import Piece, Pose

Form = Callable[[Rng, Pose], list[Piece]]

FORMS: dict[str, tuple[Form, ...]] = {
    "cardboard": cardboard.FORMS,
    "glass": glass.FORMS,
    "metal": metal.FORMS,
    "paper": paper.FORMS,
    "plastic": plastic.FORMS,
    "trash": trash.FORMS,
}
MATERIALS: tuple[str, ...] = tuple(FORMS)
