"""Colour histogram as features: 8 x 8 x 8 bins of RGB, square-rooted; what colour alone can tell."""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.encoders import Encoder

BINS = 8


class Histogram(Encoder):
    """Features of width 512 and of length 1: the square root makes their dot product the Bhattacharyya coefficient."""

    width = BINS**3

    def __init__(self, image_size: int) -> None:
        super().__init__(image_size)

    def forward(self, images: Tensor) -> Tensor:
        level = ((images * 0.25 + 0.5) * BINS).long().clamp(0, BINS - 1).flatten(2)
        cell = (level[:, 0] * BINS + level[:, 1]) * BINS + level[:, 2]
        counts = torch.zeros(len(images), self.width, device=images.device)
        counts.scatter_add_(1, cell, torch.ones_like(cell, dtype=counts.dtype))
        return (counts / cell.shape[1]).sqrt()
