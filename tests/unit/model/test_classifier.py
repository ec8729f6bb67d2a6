import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from scrapline.data.imaging import Preprocessing
from scrapline.model.batches import normalise
from scrapline.model.checkpoint import Checkpoint, load_tensors
from scrapline.model.classifier import Classifier
from scrapline.model.compute import fast_bf16, mixed_precision, probabilities, reproducible
from scrapline.params import Augment
from scrapline.system.errors import ScraplineError
from scrapline.train import stages, weights
from scrapline.train.augment import augmented, train_transform, views


def checkpoint(seed: int = 0) -> Checkpoint:
    torch.manual_seed(seed)
    model = Classifier("resnet18", 3)
    state = model.torchvision_state()
    return Checkpoint("resnet18", ["a", "b", "c"], Preprocessing(32, 512), 1.5, {"name": "none"}, state)


def test_a_checkpoint_round_trips_and_has_the_same_bytes_under_any_name(tmp_path: Path) -> None:
    first = checkpoint()
    first.save(tmp_path / "one.pth")
    first.save(tmp_path / "other-name.partial")
    assert (tmp_path / "one.pth").read_bytes() == (tmp_path / "other-name.partial").read_bytes()
    loaded = Checkpoint.load(tmp_path / "one.pth")
    assert loaded.preprocessing == first.preprocessing
    assert loaded.classes == ["a", "b", "c"]
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(loaded.classifier()(images)[0], first.classifier()(images)[0], rtol=0, atol=0)


def test_a_model_that_computed_channels_last_is_saved_as_the_same_bytes(tmp_path: Path) -> None:
    first = checkpoint()
    model = first.classifier().to(memory_format=torch.channels_last)
    replace(first, state_dict=model.torchvision_state()).save(tmp_path / "after.pth")
    first.save(tmp_path / "before.pth")
    assert (tmp_path / "after.pth").read_bytes() == (tmp_path / "before.pth").read_bytes()


def test_the_state_loads_strictly_into_the_plain_torchvision_network() -> None:
    plain = torchvision.models.resnet18(num_classes=3).eval()
    first = checkpoint()
    plain.load_state_dict(first.state_dict, strict=True)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(plain(images), first.classifier()(images)[0])


@pytest.mark.parametrize(
    ("arch", "head"), [("mobilenet_v2", "classifier.1"), ("squeezenet1_0", None), ("resnet81", None)]
)
def test_other_networks_find_their_head_or_say_why_not(arch: str, head: str | None) -> None:
    if head:
        assert Classifier(arch, 4).head_name == head
    else:
        with pytest.raises(ScraplineError, match=f"model.arch `{arch}`"):
            Classifier(arch, 4)


def test_code_in_a_weights_file_does_not_run(tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"weight": Malicious()}, tmp_path / "bad.pth")
    with pytest.raises(ScraplineError, match="more than tensors"):
        load_tensors(tmp_path / "bad.pth", remedy="save a state_dict")
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(ScraplineError):
        load_tensors(tmp_path / "raw.pth", remedy="save a state_dict")
    assert not (tmp_path / "ran").exists()


def test_damaged_and_foreign_files_are_named(tmp_path: Path) -> None:
    checkpoint().save(tmp_path / "a.pth")
    cut = tmp_path / "cut.pth"
    cut.write_bytes((tmp_path / "a.pth").read_bytes()[:5000])
    with pytest.raises(ScraplineError, match=r"cut\.pth is damaged"):
        Checkpoint.load(cut)
    torch.save({"format_version": 99}, tmp_path / "new.pth")
    with pytest.raises(ScraplineError, match="found 99"):
        Checkpoint.load(tmp_path / "new.pth")
    with pytest.raises(ScraplineError, match=r"is not here yet"):
        Checkpoint.load(tmp_path / "none.pth")


def test_starting_weights_are_loaded_strictly_and_named(tmp_path: Path) -> None:
    torch.manual_seed(1)
    source = torchvision.models.resnet18()
    torch.save(source.state_dict(), tmp_path / "mine.pth")
    (tmp_path / "mine.txt").write_text("weights of a test\nmore")
    model = Classifier("resnet18", 3)
    provenance = weights.initialise(model, "mine.pth", tmp_path)
    assert torch.equal(
        model.backbone.state_dict()["layer1.0.conv1.weight"], source.state_dict()["layer1.0.conv1.weight"]
    )
    assert provenance["description"] == "weights of a test"
    with pytest.raises(ScraplineError, match="does not hold weights of resnet34"):
        weights.initialise(Classifier("resnet34", 3), "mine.pth", tmp_path)
    with pytest.raises(ScraplineError, match=r"which holds mine\.pth"):
        weights.initialise(model, "other.pth", tmp_path)


def test_folded_and_silent_batch_norms_are_found(tmp_path: Path) -> None:
    source = torchvision.models.resnet18()
    nn.init.zeros_(source.layer4[1].bn2.weight)
    torch.save(source.state_dict(), tmp_path / "folded.pth")
    findings = weights.initialise(Classifier("resnet18", 3), "folded.pth", tmp_path)["findings"]
    assert "folded" in findings
    assert "layer4.1.bn2" in findings
    source.train()(torch.randn(4, 3, 32, 32))
    torch.save(source.state_dict(), tmp_path / "real.pth")
    assert "folded" not in weights.initialise(Classifier("resnet18", 3), "real.pth", tmp_path)["findings"]


def test_weights_from_before_the_batch_counters_fit() -> None:
    old = {k: v for k, v in Classifier("resnet18", 1000).torchvision_state().items() if "num_batches" not in k}
    model = Classifier("resnet18", 3)
    model.load_backbone(old, "old.pth")
    assert torch.equal(model.backbone.conv1.weight, old["conv1.weight"])
    del old["bn1.running_mean"]
    with pytest.raises(ScraplineError, match=r"`bn1\.running_mean` does not fit"):
        model.load_backbone(old, "old.pth")


@pytest.mark.parametrize(
    ("arch", "stage"),
    [
        ("resnet18", "layer4"),
        ("mobilenet_v2", "features.18"),
        ("mobilenet_v3_small", "features.12"),
        ("densenet121", "features.denseblock4"),
        ("regnet_y_400mf", "trunk_output.block4"),
        ("vit_b_16", "encoder.layers.encoder_layer_11"),
    ],
)
def test_the_last_stage_is_the_last_block_of_kernels(arch: str, stage: str) -> None:
    model = Classifier(arch, 3)
    assert stages.last_stage(model) is model.backbone.get_submodule(stage)


def test_a_network_that_has_no_known_last_stage_or_another_input_size_says_so() -> None:
    model = Classifier("resnet18", 3)
    model.backbone.layer4 = None
    with pytest.raises(ScraplineError, match="use head or all"):
        stages.last_stage(model)
    with pytest.raises(ScraplineError, match=r"`vit_b_16` cannot take `model\.input_size: 112`"):
        Classifier("vit_b_16", 3).check_input_size(112)


def test_augmentation_changes_each_image_by_itself_and_is_reproducible() -> None:
    images = torch.randint(0, 256, (6, 24, 24, 3), dtype=torch.uint8)
    transform = train_transform(Augment(hflip=True, color_jitter=0.3), 24)
    torch.manual_seed(3)
    first = augmented(images, transform)
    torch.manual_seed(3)
    assert torch.equal(augmented(images, transform), first)
    assert first.shape == images.shape
    assert sum(not torch.equal(a, b) for a, b in zip(first, images, strict=True)) >= 5
    still = train_transform(Augment(hflip=False, color_jitter=0), 24)
    assert torch.equal(augmented(images, still), images)
    assert views(Augment(hflip=True, color_jitter=0), 24, 1, seed=0) is None


def test_normalisation_is_torchvisions() -> None:
    images = torch.randint(0, 256, (2, 8, 8, 3), dtype=torch.uint8)
    wanted = torchvision.transforms.functional.normalize(
        images.permute(0, 3, 1, 2) / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    )
    torch.testing.assert_close(normalise(images, Preprocessing(8, 512)), wanted)


def test_probabilities_follow_the_temperature() -> None:
    logits = torch.tensor([[2.0, 0.0]])
    assert probabilities(logits, 2.0)[0, 0] == pytest.approx(torch.softmax(logits / 2, 1)[0, 0].item())


def test_bfloat16_keeps_the_first_convolution_exact_and_leaves_no_trace() -> None:
    model = Classifier("resnet18", 3).eval()
    seen: dict[str, torch.Tensor] = {}
    for name in ("conv1", "layer1.0.conv1"):
        model.backbone.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: seen.update({name: output})
        )
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad(), mixed_precision(model, torch.device("cpu"), torch.bfloat16):
        model(images)
    exact = functional.conv2d(images, model.backbone.conv1.weight, stride=2, padding=3)
    rounded = functional.conv2d(images.bfloat16(), model.backbone.conv1.weight.bfloat16(), stride=2, padding=3)
    assert torch.equal(seen["conv1"], exact.bfloat16())
    assert not torch.equal(seen["conv1"], rounded)
    assert seen["layer1.0.conv1"].dtype == torch.bfloat16
    assert "forward" not in vars(model.backbone.conv1)


@pytest.mark.parametrize(
    ("found", "faster"),
    [
        ({"avx512_bf16": True, "amx_bf16": True, "cpu_name": "Intel Xeon"}, True),
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "Intel Xeon"}, False),
        ({"avx512_bf16": True, "cpu_name": "AMD EPYC"}, True),
        ({"avx512_bf16": False, "cpu_name": "AMD EPYC"}, False),
        ({}, False),
    ],
)
def test_bfloat16_is_for_processors_that_are_faster_in_it(
    found: dict[str, object], faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    assert fast_bf16(torch.device("cpu")) is faster


def test_an_operation_without_a_deterministic_way_is_one_line() -> None:
    with (
        pytest.raises(ScraplineError, match=r"has no deterministic way on this GPU .*: set `train.device: cpu`"),
        reproducible(),
    ):
        raise RuntimeError("x_backward_cuda does not have a deterministic implementation, but you set ...")
    with pytest.raises(RuntimeError, match="another"), reproducible():
        raise RuntimeError("another")
