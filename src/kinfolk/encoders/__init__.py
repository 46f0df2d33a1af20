"""Encoders: networks from images (B, 3, H, W) to features (B, D), their width declared."""

from __future__ import annotations

from torch import Tensor, nn


class Encoder(nn.Module):
    """The contract of a leaf: settings are keyword-only and ``width`` is D, known without a pass.

    ``image_size`` is the only positional argument: the side of the training images in pixels, from which
    ``stem = auto`` and patch sizes are chosen. Inputs are normalised float images.
    """

    width: int

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size

    def stages(self, images: Tensor) -> list[Tensor]:
        """Feature maps (B, C, h, w) after each stage, the last one first pooled into ``forward``'s output."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D)."""
        return self.stages(images)[-1].mean((2, 3))
