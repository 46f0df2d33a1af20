"""Projection and prediction heads: small perceptrons as the papers build them, readers of h, and prototypes."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def mlp(
    width: int,
    hidden: int,
    out: int,
    layers: int = 2,
    *,
    norm: bool = True,
    activation: Literal["relu", "gelu"] = "relu",
    bias: bool = False,
    last_norm: Literal["none", "affine", "plain"] = "none",
    last_bias: bool = True,
) -> nn.Sequential:
    """A perceptron from (B, width) to (B, out) with ``layers`` linear layers and an activation between them.

    Args:
        width: size of the input.
        hidden: size of every layer but the last.
        out: size of the output.
        layers: how many linear layers, at least one.
        norm: batch norm before each activation.
        activation: ReLU, or GELU as transformers use it.
        bias: a bias in the hidden linear layers; without ``norm`` they always have one.
        last_norm: batch norm after the last layer: none, with scale and shift, or without (plain).
        last_bias: a bias in the last linear layer; with ``last_norm`` it has none, the mean being taken off.
    """
    parts: list[nn.Module] = []
    for _ in range(layers - 1):
        parts.append(nn.Linear(width, hidden, bias=bias or not norm))
        if norm:
            parts.append(nn.BatchNorm1d(hidden))
        parts.append(nn.ReLU(inplace=True) if activation == "relu" else nn.GELU())
        width = hidden
    parts.append(nn.Linear(width, out, bias=last_bias and last_norm == "none"))
    if last_norm != "none":
        parts.append(nn.BatchNorm1d(out, affine=last_norm == "affine"))
    return nn.Sequential(*parts)


class Prototypes(nn.Module):
    """Cosines with learned unit vectors: (B, width) -> (B, count), each in [-1, 1].

    Where ``learn`` is false the vectors get a gradient of zero, so that their directions stay under any optimiser
    and every process still has a gradient to share.
    """

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(F.normalize(torch.randn(count, width), dim=1))

    def forward(self, x: Tensor, *, learn: Tensor | None = None) -> Tensor:
        weight: Tensor = self.weight
        if learn is not None:
            weight = weight.detach().lerp(weight, learn.to(weight.dtype))
        return F.linear(F.normalize(x, dim=1), F.normalize(weight, dim=1))


class Reader(nn.Module):
    """A perceptron on one or two copies of h side by side, each first re-elaborated by a perceptron if asked for.

    (N, copies * width) -> (N, out).
    """

    def __init__(self, width: int, copies: int, hidden: int, out: int, *, elaborate: bool) -> None:
        super().__init__()
        self.width = width
        self.elaborate = mlp(width, hidden, width, bias=True) if elaborate else None
        self.predict = mlp(copies * width, hidden, out, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        if self.elaborate is not None:
            apart: Tensor = self.elaborate(x.reshape(-1, self.width))
            x = apart.reshape(x.shape)
        out: Tensor = self.predict(x)
        return out
