"""Maps of where a network looks: exact where it averages its last maps, and bright at what decides."""

import numpy as np
import pytest
import torch

from scrapline.data.imaging import Preprocessing
from scrapline.evaluate.activation import activation_map, has_maps
from scrapline.evaluate.gallery import lit
from scrapline.model.batches import normalise
from scrapline.model.classifier import Classifier

FED = Preprocessing(96, 512)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)


@pytest.mark.parametrize(("arch", "maps_at"), [("resnet18", "layer4"), ("mobilenet_v2", "features")])
def test_it_is_the_head_times_the_last_maps_where_these_are_averaged(
    arch: str, maps_at: str, photo: np.ndarray
) -> None:
    torch.manual_seed(0)
    model = Classifier(arch, 3)
    seen: list[torch.Tensor] = []
    found = activation_map(model, photo, FED, 2)
    handle = model.backbone.get_submodule(maps_at).register_forward_hook(lambda m, i, output: seen.append(output))
    with torch.no_grad():
        logits, _ = model.eval()(normalise(torch.from_numpy(photo[None]), FED))
    handle.remove()
    exact = torch.einsum("c,chw->hw", model.head.weight[2], seen[0][0]) / seen[0][0, 0].numel()
    np.testing.assert_allclose(found, exact.detach().numpy(), atol=1e-5)
    assert found.sum() + model.head.bias[2].item() == pytest.approx(logits[0, 2].item(), abs=1e-4)


def test_a_network_that_cuts_the_photo_into_patches_has_none() -> None:
    assert has_maps(Classifier("vgg11", 2))
    assert not has_maps(Classifier("vit_b_32", 2))


def test_what_spoke_for_the_class_stays_bright_and_the_rest_is_darkened() -> None:
    white = np.full((8, 8, 3), 200, np.uint8)
    shown = lit(white, np.array([[4.0, -3.0], [0.0, 0.0]], np.float32))
    assert shown[0, 0].tolist() == [200] * 3
    assert shown[0, 7].tolist() == shown[7, 7].tolist() == [30] * 3
    assert lit(white, np.full((2, 2), -1.0, np.float32)).max() == 30
