"""Conjugate gradients for symmetric positive definite systems, with a preconditioner that may change."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def conjugate(
    product: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor], Tensor],
    target: Tensor,
    reach: float,
    most: int,
) -> tuple[Tensor, int]:
    """Solve product(x) = target by conjugate gradients, to a residual below ``reach``, in ``most`` products.

    The flexible form (Notay 2000): the preconditioner may itself be a solver that stops early.

    Returns:
        The solution, and the products it took.
    """
    x, residual = torch.zeros_like(target), target
    d = y = precondition(residual)
    for used in range(1, most + 1):
        h = product(d)
        bend = float((d * h).sum())
        if bend <= 0:
            return (x if used > 1 else y), used
        step = float((residual * d).sum()) / bend
        x = x + step * d
        residual = residual - step * h
        if float(residual.norm()) <= reach:
            return x, used
        y = precondition(residual)
        d = y - float((y * h).sum()) / bend * d
    return x, most
