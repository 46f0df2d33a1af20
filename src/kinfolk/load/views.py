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

    Runs of spatial and colour steps are linear and commute, so each run is two weightings (rows, columns),
    then one 3 x 4 colour matrix for each image, then one clipping to [0, 1]. (Contrast pulls towards the mean of
    the image after all spatial steps of its run, wherever it stands among them.)

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
        """Pixels (B, 3, H, W), uint8 or float from 0 to 255 -> view (B, 3, size, size).

        Its values lie in [0, 1], less ``centre``, over ``spread``.
        """
        images, scale = pixels, 1 / 255
        runs = self.runs if self.runs and not self.runs[0][0] else [(False, []), *self.runs]
        for number, (pointwise, steps) in enumerate(runs, 1):
            if pointwise:
                for key, step in steps:
                    images = step.apply(images, parameters[key])
            else:
                bounds = (centre, spread) if number == len(runs) else (0.0, 1.0)
                images = self._linear(images, steps, parameters, scale, *bounds)
            scale = 1.0
        return images if not runs[-1][0] else (images - centre) / spread

    def views(self, pixels: Tensor, parameters: dict[str, Parameters]) -> Tensor:
        """As ``apply``, normalised for an encoder."""
        return self.apply(pixels, parameters, CENTRE, SPREAD)

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
            n, rows, columns = size, after(rows, down), after(columns, across)
        if columns:
            images = functools.reduce(weighted, columns, upright(images).transpose(2, 3)).transpose(2, 3)
        return functools.reduce(weighted, rows, images.to(torch.float32))


def upright(pixels: Tensor) -> Tensor:
    """Pixels (B, 3, H, W) as float32 with columns one after another in memory, as their weighting reads them."""
    return pixels.transpose(2, 3).to(torch.float32, memory_format=torch.contiguous_format).transpose(2, 3)


def after(weights: list[Taps | Tensor], step: Weights) -> list[Taps | Tensor]:
    """The weights of one axis with one more step's; taps of taps become one."""
    if step is None:
        return weights
    if not (weights and isinstance(step, Taps) and isinstance(weights[-1], Taps)):
        return [*weights, step]
    first, (b, n, _) = weights[-1], step.at.shape
    at = (step.at + starts(b, first.at.shape[1], step.at.device)).flatten()
    index, weight = (t.flatten(0, 1).index_select(0, at).view(b, n, -1) for t in first)
    weight = weight.view(*step.at.shape, -1) * step.weight[..., None]
    return [*weights[:-1], Taps(index, weight.flatten(2))]


def starts(count: int, rows: int, device: torch.device) -> Tensor:
    """Numbers (count, 1, 1) of the first rows of ``count`` tables that lie one after another."""
    return torch.arange(0, count * rows, rows, device=device, dtype=torch.int32)[:, None, None]


def weighted(images: Tensor, weights: Taps | Tensor) -> Tensor:
    """Images (B, C, n_in, M) -> (B, C, n_out, M), each row a weighted sum of rows."""
    if isinstance(weights, Tensor):
        return weights[:, None] @ images
    b, c, n, m = images.shape
    index = weights.at[:, None] + starts(b * c, n, images.device).view(b, c, 1, 1)
    weight = weights.weight[:, None].expand(index.shape)
    bags = F.embedding_bag(
        index.flatten(0, 2), images.reshape(-1, m), mode="sum", per_sample_weights=weight.flatten(0, 2)
    )
    return bags.view(b, c, -1, m)
