"""Horizontal flip with a given probability."""

from __future__ import annotations

from typing import Annotated, Self

import torch

from kinfolk.augmentations import Augmentation, Parameters, Taps


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

    def axes(self, parameters: Parameters, n_in: int, n_out: int) -> tuple[None, Taps]:
        flag = parameters["flag"][:, None]
        at = torch.arange(n_in, device=flag.device, dtype=torch.int32)
        index = torch.stack([at, at.flip(0)], 1).expand(len(flag), n_in, 2)
        return None, Taps(index, torch.stack([1 - flag, flag], 2).expand(len(flag), n_in, 2))
