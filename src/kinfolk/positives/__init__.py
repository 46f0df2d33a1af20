"""Positives: which image the second view of each image is made from."""

from __future__ import annotations

import torch
from torch import Tensor


class Positives:
    """The contract of a leaf: settings are keyword-only; ``partners`` draws for a whole batch."""

    def partners(self, index: Tensor, generator: torch.Generator) -> Tensor:
        """Index (B,) of the images in a step -> index (B,) of the images whose views are their positives."""
        raise NotImplementedError
