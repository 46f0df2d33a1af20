"""Solarisation: values above a threshold are inverted, with a given probability.

Source: BYOL (Grill et al., 2020, App. B), where the second view has it with probability 0.2.
"""

from __future__ import annotations

from typing import Annotated, Self

import torch
from torch import Tensor

from kinfolk.augmentations import Augmentation, Parameters


class Solarize(Augmentation):
    """Draws ``flag`` (B,): 1 where the image is solarised; values between blend."""

    form = "pointwise"

    def __init__(
        self,
        *,
        threshold: Annotated[float, "[0, 1]", "values from here up are inverted"] = 0.5,
        p: Annotated[float, "[0, 1]", "probability"] = 0.2,
    ) -> None:
        self.threshold, self.p = threshold, p

    @classmethod
    def at(cls, strength: float) -> Self:
        return cls(p=strength)

    def draw(self, batch: int, generator: torch.Generator) -> Parameters:
        return {"flag": (torch.rand(batch, generator=generator) < self.p).float()}

    def apply(self, pixels: Tensor, parameters: Parameters) -> Tensor:
        inverted = torch.where(pixels >= self.threshold, 1 - pixels, pixels)
        return torch.lerp(pixels, inverted, parameters["flag"][:, None, None, None])
