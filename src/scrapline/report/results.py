"""The JSON that the stages wrote, which the report and the summary are made of."""

from dataclasses import dataclass
from typing import Any

from scrapline import paths
from scrapline.system.files import read_json

Json = dict[str, Any]


@dataclass(frozen=True)
class Stages:
    """What the stages before wrote."""

    preparation: Json
    training: Json
    evaluation: Json
    operating_points: Json
    export: Json

    @classmethod
    def read(cls) -> "Stages":
        """From where the stages wrote it."""
        return cls(
            preparation=read_json(paths.PREPARATION_REPORT),
            training=read_json(paths.TRAINING_METRICS),
            evaluation=read_json(paths.EVALUATION_METRICS),
            operating_points=read_json(paths.OPERATING_POINTS),
            export=read_json(paths.EXPORT_METRICS),
        )
