"""Colour jitter: brightness, contrast, saturation and hue by random factors.

Source: Howard, 2013; strengths as in SimCLR (Chen et al., 2020, App. A; its CIFAR-10 strength is 0.5).
Differs from torchvision's ColorJitter: hue is a rotation in the YIQ plane (linear) instead of a shift in HSV,
and values are clipped once at the end instead of after each step, so that the four steps of an image are one
matrix. The four then commute, so no order is drawn: saturation and hue act on chroma alone, brightness and
contrast scale all alike, and the mean luma that contrast pulls towards is scaled by brightness before or after.
"""

from __future__ import annotations

import functools
from typing import Annotated, Self

import torch
from torch import Tensor

from kinfolk.augmentations import LUMA, Augmentation, Parameters, luma

TO_YIQ = (LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


class Jitter(Augmentation):
    """Draws factors ``brightness``, ``contrast``, ``saturation`` and ``hue`` in turns, each (B,)."""

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
        b, c, s, h = change * (torch.rand(batch, generator=generator) < self.p)
        return {"brightness": 1 + b, "contrast": 1 + c, "saturation": 1 + s, "hue": h}

    def matrix(self, parameters: Parameters) -> Tensor:
        b, c, s = (parameters[k] for k in ("brightness", "contrast", "saturation"))
        linear = chroma(s, parameters["hue"]) * (b * c)[:, None, None]
        grey = (b * (1 - c))[:, None, None] * luma(b.device).expand(3, 3)
        return torch.cat([linear, grey, torch.zeros_like(grey[:, :, :1])], 2)


def chroma(scale: Tensor, turns: Tensor) -> Tensor:
    """Matrices (B, 3, 3) on RGB that keep luma, and scale and rotate the chroma plane of YIQ; both (B,)."""
    grey, chrominance, quarter = planes(turns.device)
    angle = turns * (2 * torch.pi)
    along, across = (scale * angle.cos())[:, None, None], (scale * angle.sin())[:, None, None]
    return grey + along * chrominance + across * quarter


@functools.cache
@torch.inference_mode(False)
def planes(device: torch.device) -> Tensor:
    """(3, 3, 3), kept on the device: what luma adds, what chroma adds, and what chroma turned by a quarter adds."""
    yiq = torch.tensor(TO_YIQ, dtype=torch.float64)
    back = torch.linalg.inv(yiq)
    quarter = back[:, 2:] @ yiq[1:2] - back[:, 1:2] @ yiq[2:]
    return torch.stack([back[:, :1] @ yiq[:1], back[:, 1:] @ yiq[1:], quarter]).to(device, torch.float32)
