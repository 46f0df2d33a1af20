"""Sampling: square images through the weights of their columns and rows, several views of a batch at once.

Here by torch, on any device and with gradients; ``load/kernel`` does the same where it can.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from kinfolk.augmentations import Box, Mirrored, Taps

PIECE = 4 * 2**20
"""About how many bytes a piece of a batch has on the CPU after its columns are resampled and before its rows."""

Axis = list[tuple[Box | Taps | Mirrored | Tensor, int]]
"""The weights of one axis, in the order in which they are applied, each with how many pixels it gives."""


def together(rows: Axis, columns: Axis, n_in: int) -> tuple[Axis, Axis]:
    """The same axes, where the boxes that both begin with are evaluated in one call."""
    first = [axis[0] for axis in (rows, columns) if axis]
    boxes = [weights for weights, _ in first if isinstance(weights, Box)]
    if len(boxes) < 2 or first[0][1] != first[1][1]:
        return rows, columns
    n_out = first[0][1]
    centre, extent = (torch.cat(pair) for pair in zip(*boxes, strict=True))
    pixel, weight = triangle(centre, extent, n_in, n_out)
    down, across = map(Taps, pixel.chunk(2), weight.chunk(2))
    return [(down, n_out), *rows[1:]], [(across, n_out), *columns[1:]]


def evaluated(axis: Axis, n_in: int) -> list[Taps | Tensor]:
    """The weights of one axis of images of ``n_in`` pixels, neighbouring taps as one."""
    found = list[Taps | Tensor]()
    for step, n_out in axis:
        found = composed(found, triangle(*step, n_in, n_out) if isinstance(step, Box) else step, n_out)
        n_in = n_out
    return found


def triangle(centre: Tensor, extent: Tensor, n_in: int, n_out: int) -> Taps:
    """Weights of a bilinear, antialiased resampling of one axis of a box; ``centre`` and ``extent`` are (B,).

    Output pixel i looks at (i + 1/2) / n_out of the box; its weights fall linearly to 0 over
    max(1, box / n_out) input pixels and sum to 1. A box that is predicted, not drawn, may reach beyond the image:
    there the border goes on, and the weights reach no further than those of the whole image.
    """
    out = (torch.arange(n_out, device=centre.device) + 0.5) / n_out - 0.5
    at = ((centre[:, None] + extent[:, None] * out) * n_in).clamp(0, n_in)
    support = (extent.clamp(max=1) * (n_in / n_out)).clamp(min=1)[:, None]
    first = (at - support + 0.5).floor()
    tap = torch.arange(math.ceil(2 * max(1, n_in / n_out)), device=centre.device)[:, None, None]
    index = first + tap
    inside = index.clamp(0, n_in - 1)
    weight = (1 - (at - 0.5 - first - tap).abs() / support).clamp(min=0) * (index == inside)
    weight = weight / weight.sum(0)
    return Taps(inside.nan_to_num().int().permute(1, 2, 0).contiguous(), weight.permute(1, 2, 0).contiguous())


def composed(axis: list[Taps | Tensor], step: Taps | Mirrored | Tensor, n: int) -> list[Taps | Tensor]:
    """The weights of one axis with those of one more step, which gives ``n`` pixels; taps of taps become one."""
    if isinstance(step, Mirrored):
        if not (axis and isinstance(axis[-1], Taps)):
            return composed([*axis, unmoved(n, step.share)], step, n)
        first, share = axis[-1], step.share[:, None, None]
        weight = torch.cat([first.weight * (1 - share), first.weight.flip(1) * share], 2)
        return [*axis[:-1], Taps(torch.cat([first.pixel, first.pixel.flip(1)], 2), weight)]
    if not (axis and isinstance(step, Taps) and isinstance(axis[-1], Taps)):
        return [*axis, step]
    first, b = axis[-1], len(step.pixel)
    starts = torch.arange(0, first.pixel[..., 0].numel(), first.pixel.shape[1], device=step.pixel.device)
    rows = (step.pixel + starts[:, None, None]).flatten()
    pixel, weight = (t.flatten(0, 1).index_select(0, rows).view(b, n, -1) for t in first)
    weight = weight.view(*step.pixel.shape, -1) * step.weight[..., None]
    return [*axis[:-1], Taps(pixel, weight.flatten(2))]


def unmoved(n: int, like: Tensor) -> Taps:
    """Taps that leave an axis of ``n`` pixels as it is, for as many images as ``like`` (B,) has."""
    pixel = torch.arange(n, device=like.device, dtype=torch.int32)[None, :, None].expand(len(like), n, 1)
    return Taps(pixel, torch.ones_like(pixel, dtype=torch.float32))


class Sample:
    """V batches of square images (B, 3, S, S) through the weights of their rows and columns, in float32.

    Args:
        images: the batches, all of one shape; one may be given several times.
        rows: weights of V * B images, one batch after another.
        columns: the same over columns.
        size: how many rows and columns the last weights give.
    """

    def __init__(self, images: Sequence[Tensor], rows: Axis, columns: Axis, size: int) -> None:
        sizes, side = pieces(images[0], size), images[0].shape[2]
        rows, columns = together(rows, columns, side)
        across = split(evaluated(columns, side), sizes, len(images), 1, side)
        down = split(evaluated(rows, side), sizes, len(images), 3, side)
        self.pieces = [list[Tensor]() for _ in images]
        """Of each batch, (b, 3, size, size)."""
        for p, parts in enumerate(zip(*(batch.split(sizes) for batch in images), strict=True)):
            for v, image in enumerate(parts):
                at = v * len(sizes) + p
                if columns:
                    if v == 0 or images[v] is not images[v - 1]:
                        turned = floats(image.permute(0, 3, 1, 2)).flatten(2)[:, None]
                    by_column = functools.reduce(weighted, across[at], turned)[:, 0]
                    image = by_column.unflatten(2, (3, -1)).permute(0, 2, 3, 1)
                self.pieces[v].append(functools.reduce(weighted, down[at], floats(image)))

    def coloured(self, matrix: Tensor | None, scale: float, low: float, high: float) -> list[Tensor]:
        """The images with their colours mixed, and clipped: V batches (B, 3, size, size).

        They take the place of the pieces, so that both are never held.

        Args:
            matrix: (V * B, 3, 7) of a pixel, the mean colour of its image after sampling, and 1; None leaves colours.
            scale: what brings pixels to [0, 1], for which the matrix is.
            low: what 0 becomes, and what is clipped to it.
            high: what 1 becomes, and what is clipped to it.
        """
        sizes = [len(piece) for each in self.pieces for piece in each]
        if matrix is None:
            eye = torch.eye(3, device=self.pieces[0][0].device)
            linear, offset = eye.expand(sum(sizes), 3, 3), torch.zeros_like(eye[:, :1]).expand(sum(sizes), 3, 1)
        else:
            linear, by_mean, constant = matrix.split([3, 3, 1], 2)
            means = torch.cat([piece.mean((2, 3)) for each in self.pieces for piece in each])
            offset = constant + by_mean @ (scale * means[:, :, None])
        linear, offset = (high - low) * scale * linear, (high - low) * offset + low
        offsets, matrices = iter(offset.split(sizes)), iter(linear.split(sizes))
        for each in self.pieces:
            for p, piece in enumerate(each):
                mixed = torch.baddbmm(next(offsets), next(matrices), piece.flatten(2))
                each[p] = mixed.clamp_(low, high).view(piece.shape)
        return [each[0] if len(each) == 1 else torch.cat(each) for each in self.pieces]


def pieces(images: Tensor, size: int) -> list[int]:
    """How many of the images (B, 3, S, S) each piece has: one piece on a GPU, else about ``PIECE`` bytes."""
    b, c, s, _ = images.shape
    count = max(1, min(b, round(4 * b * c * s * size / PIECE))) if images.device.type == "cpu" else 1
    return [len(part) for part in torch.arange(b).tensor_split(count)]


def split(
    axis: list[Taps | Tensor], sizes: list[int], views: int, channels: int, n: int
) -> list[list[Taps | Tensor]]:
    """The weights of one axis for each piece of each view.

    Taps are numbered through the whole piece, in which ``channels`` tables of ``n`` rows for each image lie one after
    another, and repeated for each table.
    """
    found = [list[Taps | Tensor]() for _ in sizes * views]
    for weights in axis:
        if isinstance(weights, Taps):
            tables = [torch.arange(size * channels, device=weights.pixel.device, dtype=torch.int32) for size in sizes]
            starts = (torch.cat(tables).repeat(views) * n).view(-1, channels, 1, 1)
            pixel = weights.pixel[:, None] + starts
            weight, n = weights.weight[:, None].expand(pixel.shape), pixel.shape[2]
            rows = [size * channels * n for size in sizes] * views
            parts = map(Taps, pixel.flatten(0, 2).split(rows), weight.flatten(0, 2).split(rows))
        else:
            parts, n = weights[:, None].split(sizes * views), weights.shape[1]
        for each, part in zip(found, parts, strict=True):
            each.append(part)
    return found


def floats(images: Tensor) -> Tensor:
    """The same in float32 and contiguous."""
    return images.to(torch.float32, memory_format=torch.contiguous_format).contiguous()


def weighted(images: Tensor, weights: Taps | Tensor) -> Tensor:
    """Images (B, C, n_in, M) -> (B, C, n_out, M), each row a weighted sum of rows."""
    if isinstance(weights, Tensor):
        return weights @ images
    bags = F.embedding_bag(weights.pixel, images.flatten(0, 2), mode="sum", per_sample_weights=weights.weight)
    return bags.view(*images.shape[:2], -1, images.shape[3])
