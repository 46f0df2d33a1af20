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


Colours = list[Tensor | None]
"""Of each run a matrix (B, 3, 7) as ``sampling.Sample.coloured`` takes it, or None where it leaves colours alone."""


class Pipeline:
    """The augmentations of one kind of view, in their order, from images to views of one size.

    Runs of spatial and colour steps are linear and commute, so each run is the weights of columns and of rows,
    then one 3 x 7 colour matrix for each image, then one clipping to [0, 1]. (Contrast pulls towards the mean of
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
        runs = [
            (pointwise, list(group))
            for pointwise, group in itertools.groupby(self.steps, lambda s: s[1].form == "pointwise")
        ]
        self.runs = runs if runs and not runs[0][0] else [(False, []), *runs]

    def draw(self, batch: int, generator: torch.Generator) -> dict[str, Parameters]:
        """Draw the parameters of one view for ``batch`` images: {augmentation: {parameter: (B, ...)}}."""
        return {key: step.draw(batch, generator) for key, step in self.steps}

    def colours(self, parameters: Sequence[dict[str, Parameters]]) -> list[Colours]:
        """What each run does to the colours of each of several views."""
        found: list[Colours] = [[] for _ in parameters]
        devices = {value.device.type for each in parameters for drawn in each.values() for value in drawn.values()}
        with torch.autocast(devices.pop() if devices else "cpu", enabled=False):
            for pointwise, steps in self.runs:
                colour = [] if pointwise else [(key, step) for key, step in steps if step.form == "colour"]
                matrices = [step.matrix(joined([p[key] for p in parameters])) for key, step in colour]
                each = mixed(matrices).chunk(len(parameters)) if matrices else [None] * len(parameters)
                for view, matrix in zip(found, each, strict=True):
                    view.append(matrix)
        return found

    def apply(self, pixels: Tensor, parameters: dict[str, Parameters]) -> Tensor:
        """Square pixels (B, 3, S, S), uint8 or float from 0 to 255 -> view (B, 3, size, size) in [0, 1]."""
        return self._made([pixels], [parameters], (), 0.0, 1.0)[0]

    def view(self, pixels: Tensor, parameters: dict[str, Parameters]) -> Tensor:
        """As ``apply``, normalised for an encoder."""
        return self.views([pixels], [parameters])[0]

    def views(
        self,
        pixels: Sequence[Tensor],
        parameters: Sequence[dict[str, Parameters]],
        colours: Sequence[Colours] = (),
    ) -> list[Tensor]:
        """As ``view`` for each of V batches of one shape; one batch may be given several times.

        ``colours`` of the parameters may be given where they are known.
        """
        together = max(1, TOGETHER // (12 * len(pixels[0]) * self.size**2)) if pixels else 1
        parts = [slice(start, start + together) for start in range(0, len(pixels), together)]
        return [
            view for part in parts
            for view in self._made(pixels[part], parameters[part], colours[part], CENTRE, SPREAD)
        ]

    def _made(
        self,
        pixels: Sequence[Tensor],
        parameters: Sequence[dict[str, Parameters]],
        colours: Sequence[Colours],
        centre: float,
        spread: float,
    ) -> list[Tensor]:
        (rows, columns), *others = {batch.shape[2:] for batch in pixels}
        if others or rows != columns:
            sizes = ", ".join(f"{h} x {w}" for h, w in [(rows, columns), *others])
            raise RequestError(f"views are made of square images of one size, not of {sizes} pixels.")
        images, scale = list(pixels), 1 / 255
        with torch.autocast(images[0].device.type, enabled=False):
            colours = colours or self.colours(parameters)
            for number, (pointwise, steps) in enumerate(self.runs):
                if pointwise:
                    for key, step in steps:
                        images = [step.apply(i, p[key]) for i, p in zip(images, parameters, strict=True)]
                else:
                    ends = number == len(self.runs) - 1
                    bounds = (-centre / spread, (1 - centre) / spread) if ends else (0.0, 1.0)
                    matrices = [matrix for each in colours if (matrix := each[number]) is not None]
                    sample = self._sample(images, steps, parameters, matrices)
                    images = sample.coloured(torch.cat(matrices) if matrices else None, scale, *bounds)
                scale = 1.0
            return [(i - centre) / spread for i in images] if self.runs[-1][0] else images

    def _sample(
        self,
        images: list[Tensor],
        steps: list[tuple[str, Augmentation]],
        parameters: Sequence[dict[str, Parameters]],
        matrices: list[Tensor],
    ) -> kernel.Sample | sampling.Sample:
        """The images through the spatial steps of a run, by the kernel where it can."""
        rows, columns, n = Axis(), Axis(), images[0].shape[2]
        drawn = list(matrices)
        for key, step in steps:
            if step.form != "spatial":
                continue
            every = joined([p[key] for p in parameters])
            drawn += every.values()
            size = self.size if step.resizes else n
            for axis, weights in zip((rows, columns), step.axes(every, n, size), strict=True):
                axis += [(weights, size)] if weights is not None else []
            n = size
        learned = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in drawn)
        maker = kernel if not learned and kernel.takes(images, rows, columns) else sampling
        return maker.Sample(images, rows, columns, n)


def joined(parameters: Sequence[Parameters]) -> Parameters:
    """One augmentation's parameters of several views, one after another."""
    first, *others = parameters
    return {name: torch.cat([p[name] for p in parameters]) for name in first} if others else first


def mixed(matrices: list[Tensor]) -> Tensor:
    """One step after another as one: each (B, 3, 7), and what it does to a pixel it does to the mean colour too."""
    found, *others = matrices
    for step in others:
        by_pixel, by_mean, constant = step.split([3, 3, 1], 2)
        of_mean = found[:, :, 3:].clone()
        of_mean[:, :, :3] += found[:, :, :3]
        found = by_pixel @ found
        found[:, :, 3:] += by_mean @ of_mean
        found[:, :, 6:] += constant
    return found
