"""A YAML file as a pydantic model: one line says what is wrong in it, where, and what was probably meant."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from scrapline.system.errors import ScraplineError


class Section(BaseModel):
    """A part of such a file: every key is known, every number finite, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


M = TypeVar("M", bound=Section)


def load(path: Path, model: type[M], *, example: str, where: str) -> M:
    """Read and check a file; `example` has every key, and `where` says what to do if the file is missing.

    Raises ScraplineError, which names the first wrong key and the nearest valid one.
    """
    import yaml  # here, since the line needs no such file, and its first item waits for what is imported

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScraplineError(f"{path} is not here: {where}") from None
    except IsADirectoryError:
        raise ScraplineError(f"{path} is a folder: {where}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # an impossible date, or brackets without end
        raise ScraplineError(f"{path} is not valid YAML ({_reason(error)}): mend it, or see {example}") from None
    if not isinstance(raw, dict):
        raise ScraplineError(f"{path} is empty or no mapping: start from {example}")
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        # A misspelt key is also a missing one; the spelling is what helps.
        first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        raise ScraplineError(f"{path}: {_explain(first, model, example)}") from None


def _reason(error: Exception) -> str:
    import yaml

    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())


def _explain(problem: Any, model: type[Section], example: str) -> str:
    """One line for pydantic's finding."""
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    got = f", got {problem['input']!r}"
    match problem["type"]:
        case "extra_forbidden":
            return f"unknown key `{key}`; did you mean `{_nearest(location, model)}`?"
        case "missing":
            return f"`{key}` is missing ({example} shows every key)"
        case "model_type":
            keys = ", ".join(f"`{name}`" for name in _section_at(location, model).model_fields)
            return f"`{key}` is a section with the keys {keys}{got}"
        case "value_error" if not isinstance(problem["input"], str):  # of a section or a list, too long to repeat
            got = ""
    reason = str(problem["msg"]).removeprefix("Value error, ")
    return f"`{key}`: {reason[0].lower()}{reason[1:]}{got}"


def _nearest(location: list[str], model: type[Section]) -> str:
    """The key that was probably meant: spelt alike, abbreviated, or right but for its section."""
    *section, name = location
    initials = "".join(word[:1] for word in name.split("_"))

    def likeness(key: str) -> float:
        *its_section, its_name = key.split(".")
        if its_name in (name, initials):
            return 2.0
        return SequenceMatcher(None, name, its_name).ratio() + 0.5 * (its_section == section)

    return max(sorted(_keys(model)), key=likeness)


def _keys(model: type[Section], prefix: str = "") -> Iterator[str]:
    """Every key, sections too, with dots between."""
    for name, field in model.model_fields.items():
        yield prefix + name
        if (section := _section(field.annotation)) is not None:
            yield from _keys(section, f"{prefix}{name}.")


def _section_at(location: list[str], model: type[Section]) -> type[Section]:
    for part in location:
        section = _section(model.model_fields[part].annotation)
        assert section is not None
        model = section
    return model


def _section(annotation: Any) -> type[Section] | None:
    """The section that a key holds, also one that may be null; None for other keys."""
    kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
    return next((kind for kind in kinds if issubclass(kind, Section)), None)
