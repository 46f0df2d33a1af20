"""Exact nearest and farthest neighbours, at no more than nearly the cost of the bare matrix product."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from kinfolk.numerics.largest import Blocks, block_length
from kinfolk.numerics.leading import Leading
from kinfolk.numerics.rounded import PIECE, Rounded

Metric = Literal["cosine", "dot", "euclidean"]
TILE_BYTES = 128 << 20
TILE_ROWS = 65_536
SCORE_BYTES = 48 << 20
FEWEST_QUERIES = 1024
MOST_NEIGHBOURS = 64


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

    The similarities of a few hundred queries are held at a time. Where the hardware multiplies in bf16, or the bank
    has most of its variance in few directions, they are bounds from such products, and only what may be among the k
    is computed in full; else, or where too much would remain, they are the full products. Equal similarities are
    ordered by lowest position in the bank. Time is O(M N D) at most, extra memory at most 300 MB whatever M, N and D.

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
    best = np.full((len(queries), k), -np.inf, dtype=np.float32)
    position = np.zeros((len(queries), k), dtype=np.int64)
    tile_rows = max(k, min(TILE_ROWS, TILE_BYTES // (4 * bank.shape[1])))
    for first in range(0, len(bank), tile_rows):
        tile = _prepared(bank[first : first + tile_rows], metric, centre, is_bank=True)
        bounded = metric != "euclidean" and k <= MOST_NEIGHBOURS and len(queries) >= FEWEST_QUERIES
        search = _Tile(tile, min(k, len(tile)), len(queries), bounded)
        step = len(search.scores)
        for start in range(0, len(queries), step):
            rows = slice(start, start + step)
            chunk = _prepared(queries[rows], metric, centre, is_bank=False)
            left_out = None if exclude is None else exclude[rows] - first
            values, found = search.top(chunk.neg_() if farthest else chunk, left_out)
            _merge(best[rows], position[rows], values, found + first, fresh=first == 0)
    if metric == "euclidean":
        return _by_distance(queries, bank, position, farthest)
    return position, -best if farthest else best


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


class _Tile:
    """A part of the bank, and room for its similarities with some queries at a time."""

    def __init__(self, bank: Tensor, k: int, queries: int, bounded: bool) -> None:
        self.bank, self.k, self.block = bank, k, block_length(len(bank), k)
        padded = -(-len(bank) // self.block) * self.block
        self.scores = torch.empty(min(queries, max(16, SCORE_BYTES // (4 * padded))), padded)
        self.scores[:, len(bank) :] = -torch.inf
        self.bounds = (Rounded.of(bank) or Leading.of(bank)) if bounded else None

    def top(self, queries: Tensor, left_out: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The k largest inner products of each query (R, D), best first, and their positions in the tile."""
        if self.bounds is not None:
            rows, offset = self.bounds.rows(queries)
            found = self.bounds.complete(queries, self._product(rows, self.bounds.columns, left_out), offset, self.k)
            if found is not None:
                return found
            self.bounds = None
        return self._product(queries, self.bank, left_out).top(self.k)

    def _product(self, rows: Tensor, columns: Tensor, left_out: np.ndarray | None) -> Blocks:
        """Inner products (R, N and padding). In fp32 by numpy, whose OpenBLAS does not mind whose processor it is."""
        part = self.scores[: len(rows)]
        if columns.dtype == torch.bfloat16:
            for start in range(0, len(columns), PIECE):
                part[:, start : min(start + PIECE, len(columns))] = rows @ columns[start : start + PIECE].T
        else:
            np.matmul(rows.numpy(), columns.numpy().T, out=part.numpy()[:, : len(columns)])
        if left_out is not None:
            inside = np.flatnonzero((left_out >= 0) & (left_out < len(columns)))
            part.numpy()[inside, left_out[inside]] = -np.inf
        return Blocks(part, self.block)


def _merge(best: np.ndarray, position: np.ndarray, values: np.ndarray, found: np.ndarray, fresh: bool) -> None:
    """Put the best of what is known and what was found into ``best`` and ``position``, in place."""
    if not fresh:
        values, found = np.concatenate([best, values], 1), np.concatenate([position, found], 1)
        order = np.argsort(-values, axis=1, kind="stable")[:, : best.shape[1]]
        values, found = np.take_along_axis(values, order, 1), np.take_along_axis(found, order, 1)
    best[:, : values.shape[1]], position[:, : values.shape[1]] = values, found


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
