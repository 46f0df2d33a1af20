"""Exact nearest and farthest neighbours by brute force, at nearly the cost of the bare matrix product."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

Metric = Literal["cosine", "dot", "euclidean"]
ROWS = 256
TILE_BYTES = 128 << 20
TILE_ROWS = 65_536


def nearest(
    queries: np.ndarray,
    bank: np.ndarray,
    k: int,
    *,
    metric: Metric = "cosine",
    exclude: np.ndarray | None = None,
    farthest: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the ``k`` nearest (or farthest) rows of ``bank`` for every row of ``queries``, exactly in float32.

    The similarities of a few hundred queries are held at a time; each row of them is cut into blocks, and
    since the k largest entries lie in the k blocks with the largest maxima, only those are searched. Equal
    similarities are ordered by lowest position in the bank. Time is O(M N D), extra memory about 200 MB
    whatever M, N and D.

    Args:
        queries: (M, D).
        bank: (N, D).
        metric: ``cosine`` (zero vectors have similarity 0), ``dot``, or ``euclidean``.
        exclude: int64 (M,), for each query the bank position to leave out (itself), or -1 for none.
        farthest: the k with the lowest similarity (the largest distance) instead.

    Returns:
        Positions int64 (M, k), best first, and the similarity float32 (M, k); for ``euclidean`` the distance.

    Raises:
        ValueError: k is more than there is to choose from, or a similarity is not finite.
    """
    available = len(bank) - (exclude is not None and bool((exclude >= 0).any()))
    if not 1 <= k <= available:
        raise ValueError(f"k = {k} neighbours asked for, but there are {available} to choose from")
    centre = bank.mean(0, dtype=np.float64).astype(np.float32) if metric == "euclidean" else None
    best = torch.full((len(queries), k), -torch.inf)
    position = torch.zeros((len(queries), k), dtype=torch.int64)
    tile_rows = max(k, min(TILE_ROWS, TILE_BYTES // (4 * bank.shape[1])))
    for first in range(0, len(bank), tile_rows):
        tile = _prepared(bank[first : first + tile_rows], metric, centre, is_bank=True)
        columns = min(k, len(tile))
        block = _block(len(tile), columns)
        padded = -(-len(tile) // block) * block
        scores = torch.full((min(ROWS, len(queries)), padded), -torch.inf)
        for start in range(0, len(queries), ROWS):
            rows = slice(start, min(start + ROWS, len(queries)))
            chunk = _prepared(queries[rows], metric, centre, is_bank=False)
            part = scores[: len(chunk)]
            torch.mm(-chunk if farthest else chunk, tile.T, out=part[:, : len(tile)])
            if exclude is not None:
                _leave_out(part, exclude[rows] - first, len(tile))
            values, found = _top(part, columns, block)
            _merge(best[rows], position[rows], values, found + first, fresh=first == 0)
    if not torch.isfinite(best).all():
        raise ValueError("a similarity is not finite: the vectors hold infinities or NaN, or are too large")
    if metric == "euclidean":
        return _by_distance(queries, bank, position.numpy(), farthest)
    return position.numpy(), (-best if farthest else best).numpy()


def _prepared(rows: np.ndarray, metric: Metric, centre: np.ndarray | None, is_bank: bool) -> Tensor:
    """A float32 copy of ``rows`` such that the inner product orders neighbours as ``metric`` does.

    Euclidean: |q - b|^2 / 2 = |q|^2 / 2 - (q b - |b|^2 / 2), the last part an extra column; both sides are
    centred first, which leaves distances as they are and keeps the digits.
    """
    copy = torch.from_numpy(np.array(rows, dtype=np.float32, order="C"))
    if metric == "cosine":
        return copy.div_(copy.norm(dim=1, keepdim=True).clamp_min_(1e-12))
    if centre is not None:
        copy -= torch.from_numpy(centre)
        column = -copy.square().sum(1, keepdim=True) / 2 if is_bank else torch.ones(len(copy), 1)
        return torch.cat([copy, column], 1)
    return copy


def _block(columns: int, k: int) -> int:
    """The power of two near the square root of columns / k, where both searches cost the same."""
    return 1 << round(np.log2(max(1.0, columns / k)) / 2) if columns > 4 * k else 1


def _leave_out(scores: Tensor, position: np.ndarray, columns: int) -> None:
    inside = np.flatnonzero((position >= 0) & (position < columns))
    scores[torch.from_numpy(inside), torch.from_numpy(position[inside])] = -torch.inf


def _top(scores: Tensor, k: int, block: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row (B, N) with their positions, equal values by lowest position."""
    length = scores.shape[1]
    if block == 1:
        values, found = scores.topk(min(k + 1, length))
        tied = values[:, k] == values[:, k - 1] if k < length else torch.zeros(len(scores), dtype=torch.bool)
    else:
        maxima, blocks = scores.view(len(scores), -1, block).amax(2).topk(k + 1)
        places = (blocks[:, :k, None] * block + torch.arange(block)).flatten(1)
        values, within = scores.gather(1, places).topk(k + 1)
        found = places.gather(1, within)
        tied = torch.maximum(values[:, k], maxima[:, k]) == values[:, k - 1]
    found = found[:, :k].contiguous()
    rows = tied.nonzero()[:, 0]
    if len(rows):
        found[rows] = _lowest_of_equals(scores[rows], values[rows, k - 1 : k], k)
    found = found.sort(1).values
    values, order = scores.gather(1, found).sort(dim=1, descending=True, stable=True)
    return values, found.gather(1, order)


def _lowest_of_equals(scores: Tensor, last: Tensor, k: int) -> Tensor:
    """Positions (B, k) of all entries above ``last`` (B, 1) and of the first ones equal to it."""
    above, equal = scores > last, scores == last
    room = k - above.sum(1, keepdim=True)
    keep = above | (equal & (equal.cumsum(1, dtype=torch.int32) <= room))
    return keep.nonzero()[:, 1].view(len(scores), k)


def _merge(best: Tensor, position: Tensor, values: Tensor, found: Tensor, fresh: bool) -> None:
    """Put the best of what is known and what was found into ``best`` and ``position``, in place."""
    if not fresh:
        values, found = torch.cat([best, values], 1), torch.cat([position, found], 1)
    order = values.sort(dim=1, descending=True, stable=True).indices[:, : best.shape[1]]
    best[:, : order.shape[1]] = values.gather(1, order)
    position[:, : order.shape[1]] = found.gather(1, order)


def _by_distance(
    queries: np.ndarray, bank: np.ndarray, position: np.ndarray, farthest: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Distances computed anew from differences, and the neighbours ordered by them."""
    distance = np.empty(position.shape, dtype=np.float32)
    step = max(1, (16 << 20) // (4 * position.shape[1] * queries.shape[1]))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        gap = bank[position[rows]].astype(np.float32) - queries[rows, None].astype(np.float32)
        distance[rows] = np.sqrt(np.einsum("qkd,qkd->qk", gap, gap))
    order = np.lexsort((position, -distance if farthest else distance))
    return np.take_along_axis(position, order, 1), np.take_along_axis(distance, order, 1)
