"""The pixels of training and validation photos, in the sizes that fine-tuning needs."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scrapline.data.decoding import Decoded
from scrapline.data.imaging import Preprocessing
from scrapline.model import pixels
from scrapline.model.batches import EVALUATION_BATCH, normalise
from scrapline.model.features import Extractor
from scrapline.model.joined import Joined, Rows
from scrapline.params import Augment
from scrapline.train.augment import stored_size


@dataclass(frozen=True)
class Photos:
    """Photos of some splits: `crops` as large as crops are cut from, `whole` as the line sees them."""

    crops: Joined
    whole: Joined
    preprocessing: Preprocessing

    @classmethod
    def of(cls, base: Extractor, augment: Augment, splits: Sequence[str] = ("train", "val")) -> "Photos":
        """Decode them, one split after the other, unless they are in the cache."""
        whole = base.preprocessing
        larger = dataclasses.replace(whole, input_size=stored_size(augment, whole.input_size))
        joined = {at: Joined([pixels.photos(base.folder, split, at) for split in splits]) for at in (larger, whole)}
        return cls(joined[larger], joined[whole], whole)

    @property
    def labels(self) -> Tensor:
        """Of all photos, int64 [N]."""
        return torch.from_numpy(self.whole.labels)

    def rows(self, split: str) -> Rows:
        """Where the photos of `train` or `val` stand, the first two splits."""
        training, validation = (len(part.labels) for part in self.whole.parts[:2])
        return np.arange(training) if split == "train" else np.arange(training, training + validation)

    def batches(self, rows: Rows) -> Iterator[Decoded]:
        """Some photos as the line sees them."""
        ids, labels = self.whole.image_ids, self.whole.labels
        for part in np.split(rows, range(EVALUATION_BATCH, len(rows), EVALUATION_BATCH)):
            yield Decoded([ids[row] for row in part], labels[part], self.whole.take(part))

    def images(self, rows: Rows, device: torch.device) -> Iterator[Tensor]:
        """The same, normalised [n, 3, S, S]."""
        for batch in self.batches(rows):
            yield normalise(torch.from_numpy(batch.images).to(device), self.preprocessing)
