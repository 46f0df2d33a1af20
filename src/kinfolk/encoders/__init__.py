"""Encoders: networks from images (B, 3, H, W) to features (B, D), their width declared."""

from __future__ import annotations

from typing import Literal, Self

from torch import Tensor, nn


class Encoder(nn.Module):
    """The contract of a leaf: settings are keyword-only and ``width`` is D, known without a pass.

    ``image_size`` is the only positional argument: the side of the training images in pixels, from which
    ``stem = auto`` and patch sizes are chosen. Inputs are normalised float images. A leaf that can fetch weights
    has a setting ``pretrained``; one with weights has ``out``, the width of a last linear layer.
    """

    width: int
    frozen = False

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size

    def stages(self, images: Tensor) -> list[Tensor]:
        """Feature maps (B, C, h, w) after each stage, the last one first pooled into ``forward``'s output."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D)."""
        return self.stages(images)[-1].mean((2, 3))

    def freeze(self) -> None:
        """Keep weights and batch-norm statistics as they are from now on."""
        self.requires_grad_(False)
        self.frozen = True
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """As in torch; a frozen encoder stays in evaluation mode."""
        return super().train(mode and not self.frozen)


def last(inside: int, out: int | Literal["none"]) -> tuple[int, nn.Module]:
    """The width of an encoder and its last layer: linear to ``out``, or the identity."""
    if out == "none":
        return inside, nn.Identity()
    return int(out), nn.Linear(inside, int(out))
