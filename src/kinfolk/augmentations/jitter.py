"""Colour jitter: brightness, contrast, saturation and hue by random factors in random order.

Source: Howard, 2013; strengths as in SimCLR (Chen et al., 2020, App. A; its CIFAR-10 strength is 0.5).
Differs from torchvision's ColorJitter: hue is a rotation in the YIQ plane (linear) instead of a shift in HSV,
and values are clipped once at the end instead of after each step, so that the four steps of an image are one
3 x 4 matrix.
"""

from __future__ import annotations

from itertools import permutations
from typing import Annotated, Self

import torch
from torch import Tensor

from kinfolk.augmentations import Augmentation, Parameters

LUMA = (0.299, 0.587, 0.114)
TO_YIQ = (LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
ORDERS = tuple(permutations(range(4)))


class Jitter(Augmentation):
    """Draws factors ``brightness``, ``contrast``, ``saturation``, ``hue`` in turns, and ``order``, each (B,)."""

    form = "colour"
    turns = frozenset({"hue"})

    def __init__(
        self,
        *,
        brightness: Annotated[float, "[0, 1]", "factor drawn from 1 - x to 1 + x"] = 0.4,
        contrast: Annotated[float, "[0, 1]", "factor drawn from 1 - x to 1 + x"] = 0.4,
        saturation: Annotated[float, "[0, 1]", "factor drawn from 1 - x to 1 + x"] = 0.4,
        hue: Annotated[float, "[0, 0.5]", "rotation in turns drawn from -x to x"] = 0.1,
        p: Annotated[float, "[0, 1]", "probability"] = 0.8,
    ) -> None:
        self.strength = torch.tensor([brightness, contrast, saturation, hue])
        self.p = p

    @classmethod
    def at(cls, strength: float) -> Self:
        return cls(
            brightness=0.8 * strength, contrast=0.8 * strength, saturation=0.8 * strength, hue=0.5 * strength, p=1.0
        )

    def draw(self, batch: int, generator: torch.Generator) -> Parameters:
        change = (2 * torch.rand(4, batch, generator=generator) - 1) * self.strength[:, None]
        change = change * (torch.rand(batch, generator=generator) < self.p)
        order = torch.randint(len(ORDERS), (batch,), generator=generator)
        b, c, s, h = change
        return {"brightness": 1 + b, "contrast": 1 + c, "saturation": 1 + s, "hue": h, "order": order}

    def matrix(self, parameters: Parameters, mean: Tensor) -> Tensor:
        b, c, s = (parameters[k][:, None, None] for k in ("brightness", "contrast", "saturation"))
        eye = torch.eye(3, device=mean.device)
        luma = torch.tensor(LUMA, device=mean.device)
        linear = torch.stack(
            [b * eye, c * eye, torch.lerp(luma.expand(3, 3), eye, s), rotation(parameters["hue"])], 1
        )
        position = torch.tensor(ORDERS, device=mean.device)[parameters["order"]]
        batch = torch.arange(len(mean), device=mean.device)
        total, offset = eye.expand(len(mean), 3, 3), torch.zeros_like(mean)
        for k in range(4):
            step = position[:, k]
            matrix = linear[batch, step]
            grey = torch.einsum("bij,bj->bi", total, mean).add(offset) @ luma
            shift = torch.where(step == 1, (1 - parameters["contrast"]) * grey, torch.zeros(()).to(grey))
            offset = torch.einsum("bij,bj->bi", matrix, offset) + shift[:, None]
            total = matrix @ total
        return torch.cat([total, offset[:, :, None]], 2)


def rotation(turns: Tensor) -> Tensor:
    """Matrices (B, 3, 3) on RGB that rotate the chroma plane of YIQ by ``turns`` (B,) and keep luma."""
    yiq = torch.tensor(TO_YIQ, device=turns.device)
    angle = turns * (2 * torch.pi)
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    turn = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], 1).view(-1, 3, 3)
    return torch.linalg.inv(yiq) @ turn @ yiq
