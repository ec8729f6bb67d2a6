"""Decoded images as tensors, normalised for the network, and the network run over them."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from scrapline.data.decoding import Decoded
from scrapline.data.imaging import Preprocessing
from scrapline.model.classifier import Classifier

EVALUATION_BATCH = 32


@dataclass(frozen=True)
class Predictions:
    """Photos' `labels` int64 [N], and what the network makes of them: `logits` [N, C], `embeddings` [N, D], float32."""

    image_ids: list[str]
    labels: Tensor
    logits: Tensor
    embeddings: Tensor


@torch.inference_mode()
def predict(
    model: Classifier, batches: Iterable[Decoded], preprocessing: Preprocessing, device: torch.device
) -> Predictions:
    """Run the network in float32 over batches."""
    model.eval().to(device).to(memory_format=torch.channels_last)
    ids, labels, logits, embeddings = [], [], [], []
    for batch in batches:
        output, embedding = model(normalise(torch.from_numpy(batch.images).to(device), preprocessing))
        ids += batch.image_ids
        labels.append(torch.from_numpy(batch.labels))
        logits.append(output.float().cpu())
        embeddings.append(embedding.float().cpu())
    return Predictions(ids, torch.cat(labels), torch.cat(logits), torch.cat(embeddings))


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """uint8 [N, S, S, 3] to normalised float32 [N, 3, S, S], laid out channels last."""
    mean = torch.tensor(preprocessing.mean, device=images.device) * 255
    std = torch.tensor(preprocessing.std, device=images.device) * 255
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)
