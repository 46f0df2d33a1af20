"""Sampling: square images through the weights of their columns and rows, several views of a batch at once."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from kinfolk.augmentations import Mirrored, Taps, Weights

PIECE = 4 * 2**20
"""About how many bytes a piece of a batch has on the CPU after its columns are resampled and before its rows."""

Axis = list[Taps | Tensor]
"""The weights of one axis, in the order in which they are applied."""


def composed(axis: Axis, step: Weights, n: int) -> Axis:
    """The weights of one axis with those of one more step, which gives ``n`` pixels; taps of taps become one."""
    if step is None:
        return axis
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


def sampled(images: Sequence[Tensor], rows: Axis, columns: Axis, size: int) -> list[list[Tensor]]:
    """V batches of square images (B, 3, S, S) -> float32 (b, 3, size, size), for each of them the pieces of its batch.

    Args:
        images: the batches, all of one shape; one may be given several times.
        rows: weights of V * B images, one batch after another.
        columns: the same over columns.
        size: how many rows and columns the last weights give.
    """
    sizes, side = pieces(images[0], size), images[0].shape[2]
    across, down = split(columns, sizes, len(images), 1, side), split(rows, sizes, len(images), 3, side)
    found = [list[Tensor]() for _ in images]
    for p, parts in enumerate(zip(*(batch.split(sizes) for batch in images), strict=True)):
        for v, image in enumerate(parts):
            at = v * len(sizes) + p
            if columns:
                if v == 0 or images[v] is not images[v - 1]:
                    turned = floats(image.permute(0, 3, 1, 2)).flatten(2)[:, None]
                by_column = functools.reduce(weighted, across[at], turned)[:, 0]
                image = by_column.unflatten(2, (3, -1)).permute(0, 2, 3, 1)
            found[v].append(functools.reduce(weighted, down[at], floats(image)))
    return found


def pieces(images: Tensor, size: int) -> list[int]:
    """How many of the images (B, 3, S, S) each piece has: one piece on a GPU, else about ``PIECE`` bytes."""
    b, c, s, _ = images.shape
    count = max(1, min(b, round(4 * b * c * s * size / PIECE))) if images.device.type == "cpu" else 1
    return [len(part) for part in torch.arange(b).tensor_split(count)]


def split(axis: Axis, sizes: list[int], views: int, channels: int, n: int) -> list[Axis]:
    """The weights of one axis for each piece of each view.

    Taps are numbered through the whole piece, in which ``channels`` tables of ``n`` rows for each image lie one after
    another, and repeated for each table.
    """
    found = [Axis() for _ in sizes * views]
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
