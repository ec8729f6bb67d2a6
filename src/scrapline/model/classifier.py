"""The network: torchvision's by name, with a new last layer."""

import difflib
import hashlib

import torch
import torchvision
from torch import Tensor, nn

from scrapline.system.errors import ScraplineError


def check_arch(arch: str) -> None:
    """Raise ScraplineError, naming the nearest, where `arch` is no torchvision classification network."""
    known = torchvision.models.list_models(module=torchvision.models)
    if arch not in known:
        near = difflib.get_close_matches(arch, known, n=1, cutoff=0.0)
        raise ScraplineError(f"model.arch `{arch}` is no torchvision network; did you mean `{near[0]}`?")


class Classifier(nn.Module):
    """A torchvision network taken apart where its last linear layer was: `backbone` to embeddings, `head` to logits."""

    def __init__(self, arch: str, classes: int) -> None:
        super().__init__()
        check_arch(arch)
        self.arch = arch
        self.backbone: nn.Module = torchvision.models.get_model(arch, weights=None)
        linear = [name for name, module in self.backbone.named_modules() if isinstance(module, nn.Linear)]
        if not linear or hasattr(self.backbone, "aux_logits"):
            raise ScraplineError(f"model.arch `{arch}` has no single last linear layer to replace: try resnet18")
        self.head_name = linear[-1]
        last: nn.Linear = self.backbone.get_submodule(self.head_name)
        self.head = nn.Linear(last.in_features, classes, bias=last.bias is not None)
        self.backbone.set_submodule(self.head_name, nn.Identity())

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [N, C] and embeddings [N, D] of normalised images [N, 3, S, S]."""
        embedding = self.backbone(images)
        return self.head(embedding), embedding

    @torch.inference_mode()
    def check_input_size(self, input_size: int) -> None:
        """Try one blank image, in eval mode; ScraplineError where the network cannot take images of this size."""
        training = self.training
        try:
            self.eval()(torch.zeros(1, 3, input_size, input_size))
        except Exception as error:  # each network says it in its own way
            reason = str(error).split("\n")[0]
            raise ScraplineError(
                f"model.arch `{self.arch}` cannot take `model.input_size: {input_size}` ({reason}): try 224"
            ) from None
        self.train(training)

    def torchvision_state(self) -> dict[str, Tensor]:
        """The parameters under torchvision's own names: they load strictly into the plain network."""
        state = dict(self.backbone.state_dict())
        state |= {f"{self.head_name}.{name}": value for name, value in self.head.state_dict().items()}
        # Strides are saved, too, and a 1x1 kernel that computed channels last is contiguous with others than usual.
        usual = torch.contiguous_format
        return {name: value.detach().cpu().clone(memory_format=usual) for name, value in sorted(state.items())}

    def backbone_sha256(self) -> str:
        """Hex digest of the base: its architecture and every parameter in it."""
        digest = hashlib.sha256(self.arch.encode())
        for name, value in self.backbone.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy())
        return digest.hexdigest()

    def load_backbone(self, state: dict[str, Tensor], source: str) -> None:
        """Load all but the last layer from torchvision's names, strictly; ScraplineError names what does not fit."""
        own = self.backbone.state_dict()
        given = {name: value for name, value in state.items() if not name.startswith(f"{self.head_name}.")}
        # Files from before PyTorch 0.4.1 lack the batch counters, which PyTorch itself then leaves as they are.
        given = {name: value for name, value in own.items() if name.endswith(".num_batches_tracked")} | given
        wrong = sorted(set(own) ^ set(given)) or sorted(n for n, value in own.items() if value.shape != given[n].shape)
        if wrong:
            raise ScraplineError(
                f"{source} does not hold weights of {self.arch} (`{wrong[0]}` does not fit): name their network in "
                "model.arch, or take others"
            )
        self.backbone.load_state_dict(given, strict=True)

    def load_state(self, state: dict[str, Tensor], source: str) -> None:
        """Load everything, last layer included, strictly."""
        self.load_backbone(state, source)
        head = {name.rpartition(".")[2]: v for name, v in state.items() if name.startswith(f"{self.head_name}.")}
        try:
            self.head.load_state_dict(head, strict=True)
        except RuntimeError:
            raise ScraplineError(f"{source}: the last layer does not fit its list of classes") from None
