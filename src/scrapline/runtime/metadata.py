"""What a deployed ONNX file says of itself, as one pydantic model: written by `export`, checked when it is read."""

import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, WrapValidator, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from scrapline.data.imaging import Preprocessing
from scrapline.system.errors import ScraplineError

FORMAT_VERSION: Literal[3] = 3
FINGERPRINT_IMAGES = 16

_PREFIX = "scrapline."
_REMEDY = "run `dvc repro export`"
_MAX_CHARACTERS = 4_000_000
_MAX_INPUT_SIZE = 1024  # as in params.yaml
# What moves a terminal's cursor or turns the order of its characters; joiners, as in emoji, stay.
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")

Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    """Every key known, every type exact, every number finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, revalidate_instances="always"
    )


def _read_preprocessing(raw: Any, check_types: ModelWrapValidatorHandler[Preprocessing]) -> Preprocessing:
    try:
        made = check_types(Preprocessing.from_dict(raw) if isinstance(raw, dict) else raw)
    except (KeyError, TypeError, AttributeError):
        raise ValueError("is not what export writes") from None
    if isinstance(raw, dict) and made.to_dict() | raw != made.to_dict():  # files from before a field was known lack it
        raise ValueError("is not what export writes")
    if not 1 <= made.input_size <= _MAX_INPUT_SIZE:
        raise ValueError(f"input_size must be 1 to {_MAX_INPUT_SIZE} pixels")
    if made.max_side < 1 or min(made.std) <= 0:
        raise ValueError("max_side and std must be above 0")
    if made.crop_pct is not None and not 0.5 <= made.crop_pct <= 1:
        raise ValueError("crop_pct must be 0.5 to 1")
    return made


class Quantisation(_Part):
    """How an INT8 file was made of the float32 one; `float_layers` are the nodes that stayed in float32."""

    calibration: Literal["minmax", "percentile"]
    calibration_images: Annotated[int, Field(ge=1)]
    activations: Literal["uint8", "int8"]
    weights: str
    input_scaling: str
    float_layers: list[str]


class Metadata(_Part):
    """The fields in the order in which `describe` shows them.

    `thresholds` are the confidences that a class's bin asks for; 1.01, which none reaches, closes a bin. `fingerprint`
    holds the probabilities [16, C] of the images that runtime/fingerprint.py draws, on the processor of the export.
    """

    format_version: Literal[3] = FORMAT_VERSION
    precision: Literal["fp32", "int8"]
    arch: Annotated[str, Field(min_length=1)]
    classes: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=2)]
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1.01)]]
    target_purity: Share
    preprocessing: Annotated[
        Preprocessing, WrapValidator(_read_preprocessing), PlainSerializer(lambda made: made.to_dict())
    ]
    temperature: Annotated[float, Field(gt=0)]
    weights: dict[str, str]
    quantisation: Quantisation | None = None
    params: dict[str, Any]
    checkpoint_sha256: Sha256
    manifest_sha256: Sha256
    fingerprint: Annotated[list[list[Share]], Field(min_length=FINGERPRINT_IMAGES, max_length=FINGERPRINT_IMAGES)]

    @model_validator(mode="after")
    def _consistent(self) -> "Metadata":
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("`classes` has a name twice")
        if set(self.thresholds) != set(self.classes):
            raise ValueError("`thresholds` are not those of the classes")
        if any(len(row) != len(self.classes) for row in self.fingerprint):
            raise ValueError("`fingerprint` is not of these classes")
        if (self.precision == "int8") != (self.quantisation is not None):
            raise ValueError("`precision` and `quantisation` contradict each other")
        if "name" not in self.weights:
            raise ValueError("`weights` has no name")
        return self

    @property
    def started_from(self) -> str:
        """What training started from, for people."""
        return self.weights.get("description", self.weights["name"])

    def properties(self) -> dict[str, str]:
        """As an ONNX file holds it: JSON by key; what a float32 file has not is left out."""
        content = {key: value for key, value in self.model_dump().items() if value is not None}
        return {f"{_PREFIX}{key}": json.dumps(value, ensure_ascii=False) for key, value in content.items()}


def read(properties: Mapping[str, str], path: Path) -> Metadata:
    """The metadata of the file at `path`; ScraplineError, in one line, where it is foreign, too new or damaged."""
    own = {key.removeprefix(_PREFIX): text for key, text in properties.items() if key.startswith(_PREFIX)}
    if "format_version" not in own:
        raise ScraplineError(
            f"{path} was not exported by Scrapline and carries no classes and no preprocessing: use a file of "
            "`dvc repro export`"
        )
    version = own["format_version"]
    if not re.fullmatch(r"[0-9]{1,9}", version):
        raise damaged(path, "format_version: no number")
    if int(version) != FORMAT_VERSION:
        raise ScraplineError(
            f"{path} has format {int(version)}, this code reads {FORMAT_VERSION}: update the code, or export again"
        )
    if sum(map(len, own.values())) > _MAX_CHARACTERS:
        raise damaged(path, f"more than {_MAX_CHARACTERS} characters")
    content = {}
    for key, text in own.items():
        try:
            content[key] = json.loads(text)
        except ValueError as error:
            raise damaged(path, f"{shown(key)}: {error}") from None
        except RecursionError:
            raise damaged(path, f"{shown(key)}: brackets without end") from None
    return checked(content, path)


def checked(content: dict[str, Any], path: Path) -> Metadata:
    """The model of these fields; ScraplineError names the first that is wrong."""
    if (text := _unprintable(content)) is not None:
        raise damaged(path, f"control characters in {shown(text)}")
    try:
        return Metadata.model_validate(content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"]))
        reason = str(problem["msg"]).removeprefix("Value error, ")
        if problem["type"] == "missing" and len(problem["loc"]) == 1:
            raise ScraplineError(f"{path} carries no {where}: {_REMEDY}") from None
        raise damaged(path, f"{shown(where)}: {reason[0].lower()}{reason[1:]}" if where else reason) from None


def damaged(path: Path, reason: str) -> ScraplineError:
    """The error that a file's metadata is of no use."""
    return ScraplineError(f"{path} carries damaged metadata ({reason}): {_REMEDY}")


def _unprintable(value: Any) -> str | None:
    """The first text in JSON that has a control character."""
    if isinstance(value, str):
        bad = _BIDIRECTIONAL.search(value) or any(unicodedata.category(letter) in _CONTROLS for letter in value)
        return value if bad else None
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return next((found for part in parts if (found := _unprintable(part)) is not None), None)


def shown(text: str, length: int = 60) -> str:
    """Text out of a file, short, in one line, and safe for a terminal."""
    short = text if len(text) <= length else f"{text[:length]}..."
    return ascii(short) if _unprintable(short) is not None else short
