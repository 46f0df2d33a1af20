"""Teachers: slow copies of networks that follow the trained ones without gradient."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinfolk.nn.precision import full_precision


class Teacher(nn.Module):
    """Copies of named networks whose parameters are moving averages of the originals'.

    The parameters move only by ``follow``. The buffers are not copied and not averaged: batch norm in the
    copy uses the statistics of its own batch while training and keeps its own running ones, as in the code
    of the authors of BYOL (a state of its own for the target network), MoCo v3 and DINO.
    """

    def __init__(self, **networks: nn.Module) -> None:
        super().__init__()
        for name, network in networks.items():
            self.add_module(name, copy.deepcopy(network).requires_grad_(False))

    @torch.no_grad()
    def forward(self, name: str, x: Tensor) -> Tensor:
        """Pass ``x`` through the copy called ``name``, without gradient."""
        out: Tensor = self.get_submodule(name)(x)
        return out

    @torch.no_grad()
    def follow(self, momentum: float, **networks: nn.Module) -> None:
        """Set each parameter to ``momentum`` times itself plus (1 - momentum) times the original's."""
        slow: list[Tensor] = [p for name in networks for p in self.get_submodule(name).parameters()]
        fast: list[Tensor] = [p for network in networks.values() for p in network.parameters()]
        torch._foreach_lerp_(slow, fast, 1 - momentum)


def averaged(
    targets: Tensor, branch: Callable[[list[Tensor]], Tensor], partners: list[Tensor], weight: float
) -> Tensor:
    """The targets (V, B, P) of the views, averaged with those of partner views where the step has some.

    Args:
        targets: what a teacher makes of the views.
        branch: what makes them, from V tensors of pixels (B, 3, h, w).
        partners: V tensors of pixels, or more than there are targets, or none.
        weight: the share of ``targets``; the rest is the partners'.
    """
    return blend(targets, branch(partners[: len(targets)]), weight) if partners else targets


@full_precision
def blend(one: Tensor, other: Tensor, weight: float) -> Tensor:
    """The direction of w u + (1 - w) v, where u and v are the unit vectors of ``one`` and ``other`` (..., P)."""
    return F.normalize(weight * F.normalize(one, dim=-1) + (1 - weight) * F.normalize(other, dim=-1), dim=-1)


def momentum(progress: float, start: float) -> float:
    """The momentum at ``progress`` from 0 to 1: from ``start`` up to 1 on half a cosine.

    Source: Grill et al., 2020, BYOL, section 3.3 (implementation details).
    """
    return 1 - (1 - start) * (math.cos(math.pi * progress) + 1) / 2
