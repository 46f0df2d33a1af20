"""Targets: drawn parameters as numbers that a network predicts, the error of each, and the way back to parameters."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Drawn = dict[str, dict[str, Tensor]]
Column = tuple[str, str, int]


class Targets(nn.Module):
    """Parameters {step: {name: (B, ...)}} as vectors (B, P); ``names`` are their columns, as ``crop.centre[0]``.

    Numbers stand as their distance from the mean of the draw in deviations of the draw; angles as cosine and sine, in
    deviations of that point of the circle; flags, columns that hold 0 and 1 only, as they are (a prediction of them
    is a logit). Columns that do not vary and whole numbers, which have no scale, are left out. Mean and deviation
    are those of ``example``, so an error of 1 is that of predicting the mean: R2 is one minus the error, and the
    mean over batches or processes is the R2 of all.

    Args:
        example: many draws, from which kinds, means and deviations are taken.
        angles: which columns are angles, in turns, as ``step.name``.
        difference: the targets are differences of two draws (flags: whether they differ).

    Raises:
        ValueError: nothing varies, so there is nothing to predict.
    """

    mean: Tensor
    scale: Tensor
    low: Tensor
    high: Tensor
    share: Tensor

    def __init__(self, example: Drawn, angles: Collection[str] = (), *, difference: bool = False) -> None:
        super().__init__()
        varying = [c for c in columns(example) if column(example, c).std() > 1e-6]
        self.flags = [c for c in varying if bool(((v := column(example, c)) * (1 - v) == 0).all())]
        self.angles = [c for c in varying if f"{c[0]}.{c[1]}" in angles]
        self.numbers = [c for c in varying if c not in self.flags and c not in self.angles]
        if not varying:
            raise ValueError("no parameter varies")
        self.columns = [*self.numbers, *self.angles, *self.flags]
        self.names = [f"{s}.{k}[{i}]" if example[s][k].ndim > 1 else f"{s}.{k}" for s, k, i in self.columns]
        if difference:
            example = self.difference(example, {s: {k: v.roll(1, 0) for k, v in d.items()} for s, d in example.items()})
        plain = self._smooth(example)
        numbers, turns = len(self.numbers), len(self.angles)
        variance = plain.var(0, correction=0)
        around = variance[numbers:].view(2, turns).sum(0).repeat(2)
        self.register_buffer("mean", plain.mean(0))
        self.register_buffer("scale", torch.cat([variance[:numbers], around]).sqrt())
        self.register_buffer("low", plain[:, :numbers].amin(0))
        self.register_buffer("high", plain[:, :numbers].amax(0))
        self.register_buffer("share", self._take(example, self.flags).mean(0))

    @property
    def width(self) -> int:
        """P, the length of a vector."""
        return len(self.numbers) + 2 * len(self.angles) + len(self.flags)

    def forward(self, drawn: Drawn) -> Tensor:
        """Parameters -> (B, P)."""
        smooth = (self._smooth(drawn) - self.mean) / self.scale
        return torch.cat([smooth, self._take(drawn, self.flags)], 1)

    def difference(self, one: Drawn, other: Drawn) -> Drawn:
        """What separates two draws: ``one - other``, and for flags whether they differ."""
        apart = {step: {k: v - other[step][k] for k, v in values.items()} for step, values in one.items()}
        for step, key, _ in self.flags:
            apart[step][key] = apart[step][key].abs()
        return apart

    def losses(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        """Errors (B, parameters) of outputs (B, P): squared error, for flags the cross-entropy in nats."""
        numbers, turns = len(self.numbers), len(self.angles)
        smooth = numbers + 2 * turns
        squares = (outputs[:, :smooth] - wanted[:, :smooth]).square()
        circle = squares[:, numbers : numbers + turns] + squares[:, numbers + turns :]
        flags = F.binary_cross_entropy_with_logits(outputs[:, smooth:], wanted[:, smooth:], reduction="none")
        return torch.cat([squares[:, :numbers], circle, flags], 1)

    @torch.no_grad()
    def measures(self, outputs: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """``R2.NAME`` of numbers and angles; ``accuracy.NAME`` of flags, and ``chance.NAME``, that of guessing."""
        names, count = self.names, len(self.flags)
        losses = self.losses(outputs, wanted)
        found = {f"R2.{n}": 1 - losses[:, i].mean() for i, n in enumerate(names[: len(names) - count])}
        right = ((outputs > 0) == (wanted > 0.5)).to(losses.dtype).mean(0)[self.width - count :]
        for i, name in enumerate(names[len(names) - count :]):
            found[f"accuracy.{name}"] = right[i]
            found[f"chance.{name}"] = torch.maximum(self.share[i], 1 - self.share[i])
        return found

    def activated(self, outputs: Tensor) -> Tensor:
        """Outputs (..., P) with the logits of flags made probabilities."""
        smooth = self.width - len(self.flags)
        return torch.cat([outputs[..., :smooth], outputs[..., smooth:].sigmoid()], -1)

    def parameters_of(self, outputs: Tensor, drawn: Drawn) -> Drawn:
        """Outputs (B, P) -> parameters, differentiable; what is not predicted is taken from ``drawn``.

        Flags become probabilities. Numbers are kept within what was drawn in the example; the gradient passes there
        as if they were not, so that a prediction beyond the bounds can come back.
        """
        numbers, turns = len(self.numbers), len(self.angles)
        smooth = outputs[:, : numbers + 2 * turns] * self.scale + self.mean
        plain = smooth[:, :numbers]
        bounded = plain + (plain.clamp(self.low, self.high) - plain).detach()
        cos, sin = smooth[:, numbers:].unflatten(1, (2, turns)).unbind(1)
        angle = torch.atan2(sin, cos) / (2 * math.pi)
        values = torch.cat([bounded, angle, outputs[:, numbers + 2 * turns :].sigmoid()], 1)
        made = {step: dict(each) for step, each in drawn.items()}
        for i, (step, key, at) in enumerate(self.columns):
            whole = made[step][key]
            parts = list(whole.reshape(len(whole), -1).to(values.dtype).unbind(1))
            parts[at] = values[:, i]
            made[step][key] = torch.stack(parts, 1).view(whole.shape)
        return made

    def _take(self, drawn: Drawn, chosen: list[Column]) -> Tensor:
        """(B, columns) of parameters."""
        first = next(v for values in drawn.values() for v in values.values() if v.is_floating_point())
        return torch.stack([column(drawn, c) for c in chosen], 1) if chosen else first.new_zeros(len(first), 0)

    def _smooth(self, drawn: Drawn) -> Tensor:
        angle = self._take(drawn, self.angles) * (2 * math.pi)
        return torch.cat([self._take(drawn, self.numbers), angle.cos(), angle.sin()], 1)


def columns(drawn: Drawn) -> Iterator[Column]:
    """Every column of every parameter that is not a whole number: (step, name, position)."""
    for step, values in drawn.items():
        for key, value in values.items():
            if value.is_floating_point():
                yield from ((step, key, i) for i in range(value[0].numel()))


def column(drawn: Drawn, at: Column) -> Tensor:
    """One column (B,)."""
    step, key, i = at
    value = drawn[step][key]
    return value.reshape(len(value), -1)[:, i]
