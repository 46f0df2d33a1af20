"""Projection and prediction heads: small perceptrons as the papers build them."""

from __future__ import annotations

from typing import Literal

from torch import nn


def mlp(
    width: int,
    hidden: int,
    out: int,
    layers: int = 2,
    *,
    norm: bool = True,
    bias: bool = False,
    last_norm: Literal["none", "affine", "plain"] = "none",
    last_bias: bool = True,
) -> nn.Sequential:
    """A perceptron from (B, width) to (B, out) with ``layers`` linear layers and ReLU between them.

    Args:
        width: size of the input.
        hidden: size of every layer but the last.
        out: size of the output.
        layers: how many linear layers, at least one.
        norm: batch norm before each ReLU.
        bias: a bias in the hidden linear layers; without ``norm`` they always have one.
        last_norm: batch norm after the last layer: none, with scale and shift, or without (plain).
        last_bias: a bias in the last linear layer; with ``last_norm`` it has none, the mean being taken off.
    """
    parts: list[nn.Module] = []
    for _ in range(layers - 1):
        parts.append(nn.Linear(width, hidden, bias=bias or not norm))
        if norm:
            parts.append(nn.BatchNorm1d(hidden))
        parts.append(nn.ReLU(inplace=True))
        width = hidden
    parts.append(nn.Linear(width, out, bias=last_bias and last_norm == "none"))
    if last_norm != "none":
        parts.append(nn.BatchNorm1d(out, affine=last_norm == "affine"))
    return nn.Sequential(*parts)
