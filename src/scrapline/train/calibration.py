"""Temperature scaling (Guo et al. 2017): one number that makes confidences mean what they say."""

import math

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

_LOWEST, _HIGHEST = 0.05, 20.0


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature that gives validation logits [N, C] with labels [N] the lowest log loss; 1 changes nothing."""

    def log_loss(log_temperature: float) -> float:
        return float(nn.functional.cross_entropy(logits.double() / math.exp(log_temperature), labels))

    bounds = (math.log(_LOWEST), math.log(_HIGHEST))
    with torch.inference_mode():
        found = minimize_scalar(log_loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return round(math.exp(found.x), 4)
