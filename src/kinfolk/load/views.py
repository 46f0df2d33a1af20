"""Views: batched augmentation; neighbouring spatial steps become one sampling, colour steps one matrix."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kinfolk.augmentations import Augmentation, Parameters

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
        dtype: of the weightings' products. In bf16, for networks that compute in it, values are rounded twice to 8
            digits, by half a grey level at most each time, as Pillow rounds after each axis.
    """

    def __init__(
        self, steps: Sequence[tuple[str, Augmentation]], size: int, dtype: torch.dtype = torch.float32
    ) -> None:
        names = [name for name, _ in steps]
        keys = [n if names.count(n) == 1 else f"{n}{names[:i].count(n) + 1}" for i, n in enumerate(names)]
        self.steps = list(zip(keys, (step for _, step in steps), strict=True))
        self.size, self.dtype = size, dtype
        self.runs = [
            (pointwise, list(group))
            for pointwise, group in itertools.groupby(self.steps, lambda s: s[1].form == "pointwise")
        ]

    def draw(self, batch: int, generator: torch.Generator) -> dict[str, Parameters]:
        """Draw the parameters of one view for ``batch`` images: {augmentation: {parameter: (B, ...)}}."""
        return {key: step.draw(batch, generator) for key, step in self.steps}

    def apply(self, pixels: Tensor, parameters: dict[str, Parameters]) -> Tensor:
        """Pixels (B, 3, H, W), uint8 or float from 0 to 255 -> view (B, 3, size, size) in [0, 1]."""
        images, scale = pixels, 1 / 255
        runs = self.runs if self.runs and not self.runs[0][0] else [(False, []), *self.runs]
        for pointwise, steps in runs:
            if pointwise:
                for key, step in steps:
                    images = step.apply(images, parameters[key])
            else:
                images = self._linear(images, steps, parameters, scale)
            scale = 1.0
        return images

    def views(self, pixels: Tensor, parameters: dict[str, Parameters]) -> Tensor:
        """As ``apply``, normalised for an encoder."""
        shift = torch.tensor(-CENTRE / SPREAD, device=pixels.device)
        return torch.add(shift, self.apply(pixels, parameters), alpha=1 / SPREAD)

    def _linear(self, images: Tensor, steps: list, parameters: dict[str, Parameters], scale: float) -> Tensor:
        images = self._sample(images, [(k, s) for k, s in steps if s.form == "spatial"], parameters)
        colours = [(k, s) for k, s in steps if s.form == "colour"]
        if not colours:
            return images.mul(scale).clamp_(0, 1)
        b, c, h, w = images.shape
        flat = images.reshape(b, c, h * w)
        mean = flat.mean(2, keepdim=True) * scale
        whole = torch.cat([scale * torch.eye(3, device=mean.device).expand(b, 3, 3), torch.zeros_like(mean), mean], 2)
        for key, step in colours:
            linear, offset = step.matrix(parameters[key], whole[:, :, 4]).split([3, 1], 2)
            whole = linear @ whole + torch.cat([torch.zeros_like(linear), offset, offset], 2)
        return torch.baddbmm(whole[:, :, 3:4], whole[:, :, :3], flat).clamp_(0, 1).view(b, c, h, w)

    def _sample(self, images: Tensor, steps: list, parameters: dict[str, Parameters]) -> Tensor:
        b, c, height, width = images.shape
        n, rows, columns = height, None, None
        for key, step in steps:
            size = self.size if step.resizes else n
            r, k = (w if w is None else w.to(self.dtype) for w in step.axes(parameters[key], n, size))
            n, rows, columns = size, after(rows, r), after(columns, k)
        if columns is not None:
            images = torch.bmm(images.to(self.dtype).reshape(b, c * height, width), columns.transpose(1, 2))
            images = images.view(b, c, height, -1)
        if rows is not None:
            images = torch.matmul(rows[:, None], images.to(self.dtype))
        return images.to(torch.float32)


def after(weights: Tensor | None, step: Tensor | None) -> Tensor | None:
    """The weights of one axis with one more step's; None leaves the axis as it is."""
    return step @ weights if weights is not None and step is not None else weights if step is None else step
