"""The recipe of a rendered data set: a small YAML file that stands where a folder of photos would."""

import difflib
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from scrapline.cli import config
from scrapline.cli.config import Section
from scrapline.rendering.materials import MATERIALS

Side = Annotated[int, Field(ge=16, le=4096)]


class Recipe(Section):
    """How many pictures of which materials, how large (pixels), and from which seed."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    images_per_class: Annotated[int, Field(ge=1)]
    width: Side
    height: Side
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]
    materials: Annotated[tuple[str, ...], Field(min_length=2)]

    @field_validator("materials")
    @classmethod
    def _known_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for place, name in enumerate(names):
            if name not in MATERIALS:
                near = difflib.get_close_matches(name, MATERIALS, n=1, cutoff=0.0)[0]
                raise ValueError(f"unknown material `{name}`; did you mean `{near}`?")
            if name in names[:place]:
                raise ValueError(f"material `{name}` stands there twice")
        return names


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; ScraplineError names the file, the wrong key and the nearest valid one."""
    where = "data.source names a recipe or a folder of class folders"
    return config.load(path, Recipe, example="data/recipes/demo.yaml", where=where)
