"""Gaussian blur of random width, as a weighting of rows and columns.

Source: SimCLR (Chen et al., 2020, App. A). Differs from torchvision: the kernel reaches over the whole image
instead of a fixed number of pixels, and at the border its weights are renormalised instead of reflected.
"""

from __future__ import annotations

from typing import Annotated, Self

import torch
from torch import Tensor

from kinfolk.augmentations import Augmentation, Parameters


class Blur(Augmentation):
    """Draws ``sigma`` (B,), the standard deviation in pixels of the view; 0 leaves the image as it is."""

    form = "spatial"

    def __init__(
        self,
        *,
        sigma: Annotated[tuple[float, ...], "(0, 100]", "least and greatest standard deviation in pixels"] = (0.1, 2.0),
        p: Annotated[float, "[0, 1]", "probability; SimCLR, App. A: 0.5"] = 0.5,
    ) -> None:
        self.sigma, self.p = sigma, p

    @classmethod
    def at(cls, strength: float) -> Self:
        return cls(sigma=(max(2.0 * strength, 1e-3),) * 2, p=1.0)

    def draw(self, batch: int, generator: torch.Generator) -> Parameters:
        u = torch.rand(2, batch, generator=generator)
        sigma = self.sigma[0] + (self.sigma[-1] - self.sigma[0]) * u[0]
        return {"sigma": sigma * (u[1] < self.p)}

    def axes(self, parameters: Parameters, n_in: int, n_out: int) -> tuple[Tensor, Tensor]:
        sigma = parameters["sigma"].clamp(min=1e-3)[:, None, None]
        grid = torch.arange(n_in, device=sigma.device, dtype=sigma.dtype)
        weights = torch.exp(-0.5 * ((grid[:, None] - grid) / sigma) ** 2)
        weights = weights / weights.sum(-1, keepdim=True)
        return weights, weights
