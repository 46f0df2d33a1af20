"""Views: batched augmentation; neighbouring spatial steps become one sampling, colour steps one matrix."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from kinfolk.augmentations import Augmentation, Parameters, Taps, Weights
from kinfolk.core.errors import RequestError

CENTRE, SPREAD = 0.5, 0.25


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

    def apply(
        self, pixels: Tensor, parameters: dict[str, Parameters], centre: float = 0.0, spread: float = 1.0
    ) -> Tensor:
        """Square pixels (B, 3, S, S), uint8 or float from 0 to 255 -> view (B, 3, size, size).

        Its values lie in [0, 1], less ``centre``, over ``spread``.
        """
        if pixels.shape[2] != pixels.shape[3]:
            raise RequestError(f"views are made of square images, not of {pixels.shape[2]} x {pixels.shape[3]} pixels.")
        images, scale = pixels, 1 / 255
        runs = self.runs if self.runs and not self.runs[0][0] else [(False, []), *self.runs]
        with torch.autocast(pixels.device.type, enabled=False):
            for number, (pointwise, steps) in enumerate(runs, 1):
                if pointwise:
                    for key, step in steps:
                        images = step.apply(images, parameters[key])
                else:
                    bounds = (centre, spread) if number == len(runs) else (0.0, 1.0)
                    images = self._linear(images, steps, parameters, scale, *bounds)
                scale = 1.0
            return (images - centre) / spread if runs[-1][0] else images

    def views(self, pixels: Tensor, parameters: dict[str, Parameters]) -> Tensor:
        """As ``apply``, normalised for an encoder."""
        return self.apply(pixels, parameters, CENTRE, SPREAD)

    def floats(self, pixels: Tensor) -> Tensor:
        """The same pixels (B, 3, S, S) in float32; in memory columns come before rows if spatial steps read them so."""
        if all(step.form != "spatial" for _, step in self.steps):
            return pixels.to(torch.float32)
        return turned(pixels).transpose(2, 3)

    def _linear(
        self, images: Tensor, steps: list, parameters: dict[str, Parameters], scale: float, centre: float, spread: float
    ) -> Tensor:
        low, high = (0 - centre) / spread, (1 - centre) / spread
        images = self._sample(images, [(k, s) for k, s in steps if s.form == "spatial"], parameters)
        colours = [(k, s) for k, s in steps if s.form == "colour"]
        if not colours:
            return images.mul(scale / spread).add_(low).clamp_(low, high)
        b, c, h, w = images.shape
        flat = images.reshape(b, c, h * w)
        mean = flat.mean(2, keepdim=True) * scale
        whole = torch.cat([scale * torch.eye(3, device=mean.device).expand(b, 3, 3), torch.zeros_like(mean), mean], 2)
        for key, step in colours:
            linear, offset = step.matrix(parameters[key], whole[:, :, 4]).split([3, 1], 2)
            whole = linear @ whole
            whole[:, :, 3:] += offset
        linear, offset = (whole[:, :, :4] / spread).split([3, 1], 2)
        return torch.baddbmm(offset + low, linear, flat).clamp_(low, high).view(b, c, h, w)

    def _sample(self, images: Tensor, steps: list, parameters: dict[str, Parameters]) -> Tensor:
        n, rows, columns = images.shape[2], list[Taps | Tensor](), list[Taps | Tensor]()
        for key, step in steps:
            size = self.size if step.resizes else n
            down, across = step.axes(parameters[key], n, size)
            n, rows, columns = size, composed(rows, down), composed(columns, across)
        if columns:
            images = functools.reduce(weighted, columns, turned(images)).transpose(2, 3)
        return functools.reduce(weighted, rows, images.to(torch.float32)).contiguous()


def turned(pixels: Tensor) -> Tensor:
    """Pixels (B, 3, H, W) -> float32 (B, 3, W, H), without a copy where they lie so already."""
    return pixels.transpose(2, 3).to(torch.float32, memory_format=torch.contiguous_format).contiguous()


def composed(weights: list[Taps | Tensor], step: Weights) -> list[Taps | Tensor]:
    """The weights of one axis with one more step's; taps of taps become one."""
    if step is None:
        return weights
    if not (weights and isinstance(step, Taps) and isinstance(weights[-1], Taps)):
        return [*weights, step]
    first, (b, n, _) = weights[-1], step.pixel.shape
    rows = (step.pixel + offsets(b, first.pixel.shape[1], step.pixel.device)).flatten()
    pixel, weight = (t.flatten(0, 1).index_select(0, rows).view(b, n, -1) for t in first)
    weight = weight.view(*step.pixel.shape, -1) * step.weight[..., None]
    return [*weights[:-1], Taps(pixel, weight.flatten(2))]


def offsets(count: int, rows: int, device: torch.device) -> Tensor:
    """Numbers (count, 1, 1) of the first rows of ``count`` tables that lie one after another."""
    return torch.arange(0, count * rows, rows, device=device, dtype=torch.int32)[:, None, None]


def weighted(images: Tensor, weights: Taps | Tensor) -> Tensor:
    """Images (B, C, n_in, M) -> (B, C, n_out, M), each row a weighted sum of rows."""
    if isinstance(weights, Tensor):
        return weights[:, None].to(images.dtype) @ images
    b, c, n, m = images.shape
    row = weights.pixel[:, None] + offsets(b * c, n, images.device).view(b, c, 1, 1)
    weight = weights.weight[:, None].to(images.dtype).expand(row.shape).flatten(0, 2)
    bags = F.embedding_bag(row.flatten(0, 2), images.reshape(-1, m), mode="sum", per_sample_weights=weight)
    return bags.view(b, c, -1, m)
