"""Passing several views through one network: one pass for each, or one for all of a size."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Literal

import torch
from torch import Tensor

Passes = Literal["views", "all"]


def through(network: Callable[[Tensor], Tensor], views: list[Tensor], passes: Passes) -> Tensor:
    """Pass V views (B, 3, h, w) through ``network`` and stack the outputs to (V, B, D).

    With ``views`` each view is a batch of its own; with ``all`` neighbouring views of the same size are
    joined to one batch. Batch norm makes the two differ: its statistics are those of the batch.
    """
    if passes == "views":
        return torch.stack([network(view) for view in views])
    outputs = []
    for _, group in groupby(views, key=lambda view: view.shape):
        same = list(group)
        output = network(torch.cat(same)) if len(same) > 1 else network(same[0])
        outputs.append(output.reshape(len(same), -1, *output.shape[1:]))
    return torch.cat(outputs) if len(outputs) > 1 else outputs[0]
