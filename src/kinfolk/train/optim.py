"""Optimisers and the learning-rate schedule: SGD, AdamW, LARS; warm-up, then a cosine to zero."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from kinfolk.records.recipe import Train


class LARS(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling for SGD with momentum (You et al., 2017, Algorithm 1).

    The rate of a tensor is scaled by ``trust * |w| / |g + decay * w|``, with trust 0.001. Groups with ``adapt = False``
    (biases and norms, as in SimCLR and BYOL) take plain momentum SGD without decay.
    """

    def __init__(self, params: Iterable, lr: float) -> None:
        super().__init__(params, {"lr": lr, "momentum": 0.9, "weight_decay": 0.0, "trust": 1e-3, "adapt": True})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update all parameters that have a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                update = p.grad.add(p, alpha=group["weight_decay"])
                if group["adapt"]:
                    size, slope = p.norm(), update.norm()
                    scale = torch.where((size > 0) & (slope > 0), group["trust"] * size / slope, torch.ones_like(size))
                    update = update * scale
                state = self.state[p]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(p)
                momentum = state["momentum_buffer"].mul_(group["momentum"]).add_(update)
                p.add_(momentum, alpha=-group["lr"])


def optimizer(model: nn.Module, settings: Train) -> torch.optim.Optimizer:
    """Build the optimiser; tensors of one dimension (biases, norms) get neither decay nor LARS scaling."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    lr = peak(settings)
    if settings.optimizer == "lars":
        return LARS([groups[0], {**groups[1], "adapt": False}], lr=lr)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.999), fused=True)


def peak(settings: Train) -> float:
    """The largest learning rate, scaled by batch / 256 if asked for."""
    return settings.lr * (int(settings.batch) / 256 if settings.lr_scaling == "batch/256" else 1.0)


def rate(step: int, total: int, per_epoch: int, settings: Train) -> float:
    """The learning rate of ``step`` (from 0) of ``total``: linear warm-up, then half a cosine down to 0.

    ``warmup = auto`` is 10 epochs, but at most a twentieth of the run, so that a run of two epochs warms up too.
    """
    warm = min(10 * per_epoch, total / 20) if settings.warmup == "auto" else float(settings.warmup) * per_epoch
    warm = min(warm, total)
    if step + 1 < warm:
        return peak(settings) * (step + 1) / warm
    return peak(settings) * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1.0, total - warm)))


def clip(model: nn.Module, settings: Train) -> Tensor | None:
    """Clip the gradient's norm if asked for; return the norm before clipping."""
    if settings.clip == "off":
        return None
    return nn.utils.clip_grad_norm_(model.parameters(), float(settings.clip))
