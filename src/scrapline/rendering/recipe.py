"""The recipe of a rendered data set: a small YAML file that stands where a folder of photos would."""

import difflib
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from scrapline.errors import ScraplineError
from scrapline.rendering.materials import MATERIALS

Side = Annotated[int, Field(ge=16, le=4096)]


class Recipe(BaseModel):
    """How many pictures of which materials, how large (pixels), and from which seed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScraplineError(f"{path} is not here: data.source names a recipe or a folder of class folders") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ScraplineError(f"{path} is not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise ScraplineError(f"{path} is empty or no mapping: start from data/recipes/demo.yaml")
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        # A misspelt key is both unknown and missing; the first says more.
        first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        raise ScraplineError(f"{path}: {_explain(first)}") from None


def _explain(problem: Any) -> str:
    """One line for one of pydantic's findings."""
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, list(Recipe.model_fields), n=1, cutoff=0.0)[0]
        return f"unknown key `{key}`; did you mean `{near}`?"
    if problem["type"] == "missing":
        return f"`{key}` is missing (data/recipes/demo.yaml shows every key)"
    if problem["type"] == "value_error":
        return str(problem["msg"]).removeprefix("Value error, ")
    reason = str(problem["msg"])
    return f"`{key}`: {reason[0].lower()}{reason[1:]}, got {problem['input']!r}"
