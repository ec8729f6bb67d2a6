"""One split's photos with what the network says of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from scrapline.measures.metrics import Labels, Probabilities
from scrapline.model.batches import Predictions
from scrapline.model.compute import probabilities


@dataclass(frozen=True)
class Scored:
    """One split: ids and groups [N], labels [N], and probabilities [N, C] before and after the temperature."""

    image_ids: list[str]
    groups: list[str]
    labels: Labels
    raw: Probabilities
    calibrated: Probabilities

    @classmethod
    def of(cls, predictions: Predictions, temperature: float, group: Mapping[str, str]) -> "Scored":
        """From logits; `group` is each photo's by id."""
        raw, calibrated = (probabilities(predictions.logits, t) for t in (1.0, temperature))
        groups = [group[image_id] for image_id in predictions.image_ids]
        return cls(predictions.image_ids, groups, predictions.labels.numpy(), raw, calibrated)

    @property
    def predicted(self) -> Labels:
        """The most probable class [N]."""
        best: Labels = self.calibrated.argmax(axis=1)
        return best
