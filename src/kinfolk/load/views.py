"""Views: batched augmentation; neighbouring spatial steps become one sampling, colour steps one matrix."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kinfolk.augmentations import Augmentation, Parameters
from kinfolk.core.errors import RequestError
from kinfolk.load import kernel, sampling
from kinfolk.load.sampling import Axis

CENTRE, SPREAD = 0.5, 0.25
TOGETHER = 256 * 2**20
"""About how many bytes of views are made together at most."""


def normalise(pixels: Tensor) -> Tensor:
    """uint8 (B, 3, H, W) -> float, channels-last: (value / 255 - 0.5) / 0.25, the input of every encoder."""
    scaled = pixels.to(torch.float32, memory_format=torch.channels_last)
    return scaled.mul_(1 / (255 * SPREAD)).sub_(CENTRE / SPREAD)


def pictures(images: Tensor) -> np.ndarray:
    """Normalised images (B, 3, H, W) -> uint8 of the same shape, clipped: the way back from ``normalise``."""
    values: np.ndarray = images.float().mul(SPREAD).add(CENTRE).clamp(0, 1).mul(255).round().byte().cpu().numpy()
    return values


class Pipeline:
    """The augmentations of one kind of view, in their order, from images to views of one size.

    Runs of spatial and colour steps are linear and commute, so each run is the weights of columns and of rows,
    then one 3 x 4 colour matrix for each image, then one clipping to [0, 1]. (Contrast pulls towards the mean of
    the image after all spatial steps of its run, wherever it stands among them.) All of it in float32.

    Args:
        steps: the augmentations by name, in order.
        size: side of the views in pixels.
    """

    def __init__(self, steps: Sequence[tuple[str, Augmentation]], size: int) -> None:
        names = [name for name, _ in steps]
        keys = [n if names.count(n) == 1 else f"{n}{names[:i].count(n) + 1}" for i, n in enumerate(names)]
        self.steps = list(zip(keys, (step for _, step in steps), strict=True))
        self.size = size
        self.runs = [
            (pointwise, list(group))
            for pointwise, group in itertools.groupby(self.steps, lambda s: s[1].form == "pointwise")
        ]

    def draw(self, batch: int, generator: torch.Generator) -> dict[str, Parameters]:
        """Draw the parameters of one view for ``batch`` images: {augmentation: {parameter: (B, ...)}}."""
        return {key: step.draw(batch, generator) for key, step in self.steps}

    def apply(self, pixels: Tensor, parameters: dict[str, Parameters]) -> Tensor:
        """Square pixels (B, 3, S, S), uint8 or float from 0 to 255 -> view (B, 3, size, size) in [0, 1]."""
        return self._made([pixels], [parameters], 0.0, 1.0)[0]

    def view(self, pixels: Tensor, parameters: dict[str, Parameters]) -> Tensor:
        """As ``apply``, normalised for an encoder."""
        return self.views([pixels], [parameters])[0]

    def views(self, pixels: Sequence[Tensor], parameters: Sequence[dict[str, Parameters]]) -> list[Tensor]:
        """As ``view`` for each of V batches of one shape; one batch may be given several times."""
        together = max(1, TOGETHER // (12 * len(pixels[0]) * self.size**2)) if pixels else 1
        parts = [slice(start, start + together) for start in range(0, len(pixels), together)]
        return [view for part in parts for view in self._made(pixels[part], parameters[part], CENTRE, SPREAD)]

    def _made(
        self, pixels: Sequence[Tensor], parameters: Sequence[dict[str, Parameters]], centre: float, spread: float
    ) -> list[Tensor]:
        (rows, columns), *others = {batch.shape[2:] for batch in pixels}
        if others or rows != columns:
            sizes = ", ".join(f"{h} x {w}" for h, w in [(rows, columns), *others])
            raise RequestError(f"views are made of square images of one size, not of {sizes} pixels.")
        images, scale, drawn = list(pixels), 1 / 255, joined(parameters)
        runs = self.runs if self.runs and not self.runs[0][0] else [(False, []), *self.runs]
        with torch.autocast(images[0].device.type, enabled=False):
            for number, (pointwise, steps) in enumerate(runs, 1):
                if pointwise:
                    for key, step in steps:
                        images = [step.apply(i, p[key]) for i, p in zip(images, parameters, strict=True)]
                else:
                    bounds = (-centre / spread, (1 - centre) / spread) if number == len(runs) else (0.0, 1.0)
                    images = self._linear(images, steps, drawn, scale, *bounds)
                scale = 1.0
            return [(i - centre) / spread for i in images] if runs[-1][0] else images

    def _linear(
        self, images: list[Tensor], steps: list, drawn: dict[str, Parameters], scale: float, low: float, high: float
    ) -> list[Tensor]:
        rows, columns, size = self._axes(images[0].shape[2], [(k, s) for k, s in steps if s.form == "spatial"], drawn)
        colours = [(k, s) for k, s in steps if s.form == "colour"]
        learned = torch.is_grad_enabled() and any(p.requires_grad for each in drawn.values() for p in each.values())
        maker = kernel if not learned and kernel.takes(images, rows, columns) else sampling
        sample = maker.Sample(images, rows, columns, size)
        count = len(images) * len(images[0])
        matrix = scale * torch.eye(3, 4, device=images[0].device).expand(count, 3, 4)
        if colours:
            matrix = torch.cat([matrix, scale * sample.means()[:, :, None]], 2)
            for key, step in colours:
                linear, offset = step.matrix(drawn[key], matrix[:, :, 4]).split([3, 1], 2)
                matrix = linear @ matrix
                matrix[:, :, 3:] += offset
        matrix = matrix[:, :, :4] * (high - low)
        matrix[:, :, 3] += low
        return sample.coloured(matrix, low, high)

    def _axes(self, n: int, steps: list, drawn: dict[str, Parameters]) -> tuple[Axis, Axis, int]:
        rows, columns = Axis(), Axis()
        for key, step in steps:
            size = self.size if step.resizes else n
            for axis, weights in zip((rows, columns), step.axes(drawn[key], n, size), strict=True):
                axis += [(weights, size)] if weights is not None else []
            n = size
        return rows, columns, n


def joined(parameters: Sequence[dict[str, Parameters]]) -> dict[str, Parameters]:
    """The parameters of several views, one after another."""
    first, *others = parameters
    return {
        name: {key: torch.cat([value, *(p[name][key] for p in others)]) for key, value in values.items()}
        for name, values in first.items()
    } if others else first
