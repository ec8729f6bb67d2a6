"""params.yaml as one pydantic model: every value checked before a stage touches an out."""

import re
import warnings
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from scrapline.cli import config
from scrapline.cli.config import Section
from scrapline.paths import PARAMS

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class SplitScheme(StrEnum):
    """How images find their split: by the hash of their content, or by lists the user pins."""

    HASH = "hash"
    LISTS = "lists"


class Trainable(StrEnum):
    """Which layers learn: the new last layer alone, the last stage with it, or the whole network."""

    HEAD = "head"
    LAST_STAGE = "last_stage"
    ALL = "all"


class Split(Section):
    """`val` and `test` are the shares of the images that the hash scheme sends there."""

    scheme: SplitScheme
    val: Fraction
    test: Fraction
    lists: str | None

    @model_validator(mode="after")
    def _consistent(self) -> "Split":
        if self.val + self.test >= 1:
            raise ValueError("val and test together must leave room for training (sum below 1)")
        if self.scheme is SplitScheme.LISTS and not self.lists:
            raise ValueError("scheme `lists` needs `lists`: the name of a folder in data/splits")
        if self.lists is not None and not _plain_name(self.lists):
            raise ValueError("`lists` is the name of a folder in data/splits, not a path")
        return self


class Group(Section):
    """Which photos belong together: those in whose paths `pattern`, a regular expression, finds the same.

    Or those to which `file`, a CSV file of source_path,group in data/splits, gives the same group.
    """

    pattern: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> "Group":
        if (self.pattern is None) == (self.file is None):
            raise ValueError("give either `pattern` or `file`, or write null for no groups")
        return self

    @field_validator("pattern")
    @classmethod
    def _finds_one_thing(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            with warnings.catch_warnings(action="ignore"):
                groups = re.compile(value).groups
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"no regular expression ({error})") from None
        if groups != 1:
            raise ValueError(f"needs one pair of brackets, around what names the group, and has {groups}")
        return value

    @field_validator("file")
    @classmethod
    def _a_file(cls, value: str | None) -> str | None:
        if value is not None and not _plain_name(value):
            raise ValueError("the name of a CSV file in data/splits, not a path")
        return value


class Data(Section):
    """What `prepare` reads: `source` is a folder of class folders, or a recipe of the renderer.

    `group` says which photos belong together though they look different: of one object, session or camera.
    """

    source: str
    group: Group | None = None
    split: Split
    min_side: Count
    max_side: Annotated[int, Field(ge=32)]
    shard_mb: Count
    test_frames: Count


class Model(Section):
    """A torchvision classification network. `weights`: none, imagenet, or a file in models/pretrained."""

    arch: str
    weights: str
    input_size: Annotated[int, Field(ge=32, le=1024)]

    @field_validator("weights", mode="before")
    @classmethod
    def _yaml_null_is_none(cls, value: object) -> object:
        return "none" if value is None else value

    @field_validator("weights")
    @classmethod
    def _a_name(cls, value: str) -> str:
        if not _plain_name(value):
            raise ValueError("none, imagenet, or the name of a file in models/pretrained (not a path)")
        return value


class Augment(Section):
    """Random changes of training photos, each drawn anew for each photo and view.

    `crop_area`: crops keep at least this share of a photo's area (1: no crops). `color_jitter`: brightness, contrast
    and saturation change by up to this share. Flips happen to half of the photos.
    """

    hflip: bool
    color_jitter: Annotated[float, Field(ge=0, le=1)]
    vflip: bool = False
    crop_area: Annotated[float, Field(gt=0, le=1)] = 1.0


class Train(Section):
    """How the network learns.

    `views`: with a frozen base, so many views of each photo, the first unchanged, have their features computed once.
    Only where more than the head learns: `lr_decay` is the rate of each earlier stage as a share of the next one's,
    `mixup` the alpha of MixUp's Beta distribution (0: none), `ema` how much of the mean of the weights stays at each
    step (0: no mean). `folds`: so many times a network is trained on the other photos of training and validation, for
    figures on photos unseen; null: 5 with a frozen base, else 0. `fold_repeats`: how often the folds are drawn anew;
    null: 5 with a frozen base, else 1.
    """

    trainable: Trainable
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    views: Count
    augment: Augment
    lr_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    mixup: Annotated[float, Field(ge=0)] = 0.0
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    folds: Annotated[int, Field(ge=0, le=100)] | None = None
    fold_repeats: Annotated[int, Field(ge=1, le=100)] | None = None
    balanced_loss: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="before")
    @classmethod
    def _no_patience(cls, raw: object) -> object:
        if isinstance(raw, dict) and "patience" in raw:
            raise ValueError(
                "patience is gone: every epoch is trained, so that no photo that is measured on chooses one; remove it"
            )
        return raw

    @field_validator("folds")
    @classmethod
    def _not_one(cls, value: int | None) -> int | None:
        if value == 1:
            raise ValueError("one fold leaves nothing to train on: 2 or more, or 0 for none")
        return value

    @property
    def folds_drawn(self) -> int:
        """How many folds there are."""
        return self.folds if self.folds is not None else 5 * (self.trainable is Trainable.HEAD)

    @property
    def repeats_drawn(self) -> int:
        """How often they are drawn."""
        return self.fold_repeats or (5 if self.trainable is Trainable.HEAD else 1)


class Evaluate(Section):
    """`target_purity`: the share of a bin's items that must be of its material."""

    target_purity: Fraction


class Deploy(StrEnum):
    """Which file the line runs: INT8 if it passes the gate, or one of them whatever it does."""

    AUTO = "auto"
    INT8 = "int8"
    FP32 = "fp32"


class Export(Section):
    """`parity_tolerance`: largest difference of any probability between PyTorch and ONNX Runtime.

    INT8 passes that loses at most `max_accuracy_drop` of validation accuracy (or two photos, where those are no more
    than 2 points) and gives at least `min_label_agreement` of the photos the label of float32: those of validation and
    up to 512 of training. `calibration_images` are taken from training. Signed activations (`int8`) run 2.6 times
    slower on x86 with VNNI; some ARM and GPU engines want them.
    """

    opset: Annotated[int, Field(ge=18, le=23)]
    parity_tolerance: Positive
    max_accuracy_drop: Annotated[float, Field(ge=0, lt=1)]
    deploy: Deploy
    activation_type: Literal["uint8", "int8"] = "uint8"
    calibration_images: Annotated[int, Field(ge=300)] = 320
    min_label_agreement: Annotated[float, Field(ge=0, le=1)] = 0.97


class Simulate(Section):
    """The line. Items a second follow from it: lanes x items_per_m (of one lane) x belt_m_per_s.

    `mix`: shares of the materials by class; None: as in the test split. `actuation_lead_ms`: how long before an item
    the ejector must be told; two items of a lane nearer than `ejector_m` cannot be parted. `workers` None: one for each
    core; `queue_frames` None: as many as can still be in time.
    """

    items: Count = 500
    lanes: Count = 4
    items_per_m: Positive = 5.0
    belt_m_per_s: Positive = 2.5
    camera_to_ejector_m: Positive = 0.75
    actuation_lead_ms: Annotated[float, Field(ge=0)] = 50.0
    ejector_m: Annotated[float, Field(ge=0)] = 0.02
    arrivals: Literal["constant", "poisson"] = "constant"
    mix: Annotated[dict[str, Positive], Field(min_length=1)] | None = None
    workers: Count | None = None
    queue_frames: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _rate_follows(cls, raw: object) -> object:
        if isinstance(raw, dict) and "items_per_s" in raw:
            raise ValueError(
                "items_per_s follows from lanes x items_per_m x belt_m_per_s now: remove it, and set belt_m_per_s"
            )
        return raw


class Params(Section):
    """The whole of params.yaml."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    lr: Positive
    data: Data
    model: Model
    train: Train
    evaluate: Evaluate
    export: Export
    simulate: Simulate


def load(path: Path = PARAMS) -> Params:
    """Read and check params.yaml; ScraplineError names the first wrong key and the nearest valid one."""
    return config.load(path, Params, example="recipes/demo.yaml", where="run from the repository's root")


def _plain_name(value: str) -> bool:
    return value not in ("", ".", "..") and PurePosixPath(value).name == value and "\\" not in value
