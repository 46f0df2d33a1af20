"""Conversion to grey with a given probability."""

from __future__ import annotations

from typing import Annotated, Self

import torch
from torch import Tensor

from kinfolk.augmentations import Augmentation, Parameters, luma


class Grayscale(Augmentation):
    """Draws ``flag`` (B,): 1 where all channels become the luma (ITU-R BT.601); values between blend."""

    form = "colour"

    def __init__(self, *, p: Annotated[float, "[0, 1]", "probability; SimCLR, App. A: 0.2"] = 0.2) -> None:
        self.p = p

    @classmethod
    def at(cls, strength: float) -> Self:
        return cls(p=strength)

    def draw(self, batch: int, generator: torch.Generator) -> Parameters:
        return {"flag": (torch.rand(batch, generator=generator) < self.p).float()}

    def matrix(self, parameters: Parameters) -> Tensor:
        flag = parameters["flag"][:, None, None]
        weights = luma(flag.device).expand(3, 3)
        linear = torch.lerp(torch.eye(3, device=flag.device), weights, flag)
        return torch.nn.functional.pad(linear, (0, 4))
