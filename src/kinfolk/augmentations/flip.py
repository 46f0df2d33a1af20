"""Horizontal flip with a given probability."""

from __future__ import annotations

from typing import Annotated, Self

import torch

from kinfolk.augmentations import Augmentation, Mirrored, Parameters


class Flip(Augmentation):
    """Draws ``flag`` (B,): 1 where the image is mirrored; values between blend the two."""

    form = "spatial"

    def __init__(self, *, p: Annotated[float, "[0, 1]", "probability"] = 0.5) -> None:
        self.p = p

    @classmethod
    def at(cls, strength: float) -> Self:
        return cls(p=strength)

    def draw(self, batch: int, generator: torch.Generator) -> Parameters:
        return {"flag": (torch.rand(batch, generator=generator) < self.p).float()}

    def axes(self, parameters: Parameters, n_in: int, n_out: int) -> tuple[None, Mirrored]:
        return None, Mirrored(parameters["flag"])
