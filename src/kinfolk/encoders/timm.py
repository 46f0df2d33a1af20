"""Any network of timm by name, with weights drawn anew or those that timm offers for it.

Reference code: timm, https://github.com/huggingface/pytorch-image-models (Wightman, 2019), an extra that needs
    torchvision: ``pip install "kinfolk[timm]"``.
Differs from the reference: no classifier; images are normalised as timm's weights for the network expect it; a
    network that takes only one size of images gets them brought to it, any other gets them as they are.
Shapes: images (B, 3, H, W), stages as many as timm names, output (B, D).
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinfolk.core.errors import RequestError, WorkError
from kinfolk.encoders import Encoder, last


class Timm(Encoder):
    """A network of timm without its classifier; ``width`` is the one timm declares, or ``out``."""

    model: Any
    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        image_size: int,
        *,
        model: Annotated[str, "its name in timm.list_models()"] = "resnet18",
        pretrained: Annotated[bool, "start from the weights timm offers, fetched once, instead of drawn ones"] = False,
        size: Annotated[
            int | Literal["auto"], "[8, 1024]", "bring images to this side; auto: only where the network demands one"
        ] = "auto",
        out: Annotated[int | Literal["none"], "[1, inf)", "width of a last linear layer, or none"] = "none",
    ) -> None:
        super().__init__(image_size)
        self.model = create(library(), model, pretrained)
        facts = self.model.pretrained_cfg
        side = int(facts["input_size"][-1]) if facts.get("fixed_input_size") else 0
        self.side = side if size == "auto" else int(size)
        if side and self.side != side:
            raise RequestError(f"encoder.size = {size}: '{model}' of timm takes images of {side} px only.")
        shift, spread = (torch.tensor(facts[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
        self.register_buffer("scale", 0.25 / spread, persistent=False)
        self.register_buffer("shift", (0.5 - shift) / spread, persistent=False)
        self.width, self.fc = last(int(getattr(self.model, "head_hidden_size", self.model.num_features)), out)

    def stages(self, images: Tensor) -> list[Tensor]:
        """The feature maps that timm names, from the largest to the smallest."""
        if not hasattr(self.model, "forward_intermediates"):
            raise RequestError("this network of timm does not show its stages.")
        maps: list[Tensor] = self.model.forward_intermediates(self._prepared(images), intermediates_only=True)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.fc(self.model(self._prepared(images)))
        return out

    def _prepared(self, images: Tensor) -> Tensor:
        """Images normalised by 0.5 and 0.25 -> as timm normalises them, at the side the network takes."""
        images = torch.addcmul(self.shift, images, self.scale)
        if self.side and images.shape[-1] != self.side:
            images = F.interpolate(images, (self.side, self.side), mode="bilinear", antialias=True)
        return images


def library() -> Any:
    """The module timm, or RequestError saying what is missing."""
    try:
        import timm
    except Exception as error:  # torchvision beside another build of torch raises more than ImportError
        raise RequestError(
            f"encoder 'timm' needs timm and torchvision, which cannot be imported: {error}. "
            'Install them with: pip install "kinfolk[timm]" (torchvision must be made for the installed torch '
            f"{torch.__version__})."
        ) from None
    return timm


def create(timm: Any, model: str, pretrained: bool) -> nn.Module:
    """Build a network of timm without classifier, refusing unknown names and saying where weights are missing."""
    known = timm.list_models()
    if model.split(".")[0] not in known:
        near = difflib.get_close_matches(model, known, n=3, cutoff=0.5)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise RequestError(f"timm has no network '{model}'.{hint} It has {len(known)}: see timm.list_models().")
    try:
        built: nn.Module = timm.create_model(model, pretrained=pretrained, num_classes=0)
    except Exception as error:  # the hub, the network and the disk each raise errors of their own
        if not pretrained:
            raise RequestError(f"timm cannot build '{model}': {error}") from None
        raise WorkError(
            f"the weights of '{model}' could not be fetched: {error}. Without a network: encoder.pretrained=false and "
            "encoder.weights=FILE.safetensors."
        ) from None
    return built
