"""Descent: many small problems side by side, each brought down by gradient steps of lengths of its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

FEELER, TINY = 0.01, 1e-8


@torch.no_grad()
def lowest(height: Callable[[Tensor], tuple[Tensor, Tensor]], start: Tensor, steps: int) -> Tensor:
    """The lowest point that each row of ``start`` (B, L) passes in ``steps`` gradient steps.

    Each row has step lengths of its own, the two of Barzilai and Borwein (1988, "Two-point step size gradient
    methods", equations 5 and 6), the longer one first and then in turn; the first step only feels its way, 0.01 long.

    Args:
        height: points (B, L) -> heights (B,) and their gradients (B, L), every row by itself.
        start: where the rows begin.
        steps: so many, and one evaluation of ``height`` more.
    """
    point, (now, slope) = start, height(start)
    best, least = point, now
    rate = FEELER / slope.norm(dim=1, keepdim=True).clamp(min=TINY)
    for step in range(steps):
        moved = -rate * slope
        point = point + moved
        before, (now, slope) = slope, height(point)
        best, least = torch.where((now < least)[:, None], point, best), torch.minimum(now, least)
        turned = slope - before
        along = (moved * turned).sum(1, keepdim=True)
        short, long = along / turned.square().sum(1, keepdim=True), moved.square().sum(1, keepdim=True) / along
        rate = torch.where(along > 0, long if step % 2 or not step else short, rate / 2)
    return best
