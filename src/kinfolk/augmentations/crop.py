"""Random resized crop: a box of random area and aspect ratio, resampled to the size of the view.

Source: Szegedy et al., 2015 (Inception), as used by SimCLR (Chen et al., 2020, App. A).
Differs from torchvision's RandomResizedCrop: the aspect ratio is drawn among those that fit the area, so the
area is exactly uniform and nothing is redrawn; boxes are not rounded to pixels; the triangle filter widens
with the scale (antialiasing) as Pillow's does, but at the border of the box it looks at the pixels beyond it.
"""

from __future__ import annotations

import math
from typing import Annotated, Self

import torch

from kinfolk.augmentations import Augmentation, Box, Parameters


class Crop(Augmentation):
    """Draws ``centre`` and ``extent``, each (B, 2) as fractions of height and width."""

    form = "spatial"
    resizes = True

    def __init__(
        self,
        *,
        scale: Annotated[tuple[float, ...], "(0, 1]", "least and greatest share of the area"] = (0.2, 1.0),
        ratio: Annotated[tuple[float, ...], "(0, 10]", "least and greatest width / height"] = (0.75, 1.3333),
        p: Annotated[float, "[0, 1]", "probability; otherwise the whole image"] = 1.0,
    ) -> None:
        self.scale, self.ratio, self.p = scale, ratio, p

    @classmethod
    def at(cls, strength: float) -> Self:
        return cls(scale=(1 - 0.8 * strength,) * 2)

    def draw(self, batch: int, generator: torch.Generator) -> Parameters:
        u = torch.rand(5, batch, generator=generator)
        area = self.scale[0] + (self.scale[-1] - self.scale[0]) * u[0]
        log_area = area.log()
        low = log_area.clamp(min=math.log(self.ratio[0]))
        high = (-log_area).clamp(max=math.log(self.ratio[-1]))
        ratio = torch.where(low < high, low + (high - low) * u[1], 0.5 * (low + high)).exp()
        extent = torch.stack([area / ratio, area * ratio], 1).sqrt().clamp(max=1)
        extent = torch.where((u[4] < self.p)[:, None], extent, torch.ones(()))
        return {"centre": extent / 2 + (1 - extent) * u[2:4].T, "extent": extent}

    def axes(self, parameters: Parameters, n_in: int, n_out: int) -> tuple[Box, Box]:
        down, across = zip(parameters["centre"].unbind(1), parameters["extent"].unbind(1), strict=True)
        return Box(*down), Box(*across)
