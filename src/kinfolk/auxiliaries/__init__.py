"""Auxiliaries: further objectives beside a method's own, read from the features of its branches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinfolk.core.errors import RequestError
from kinfolk.nn.targets import Drawn
from kinfolk.nn.teacher import Teacher, momentum
from kinfolk.records.views import Views


@dataclass(frozen=True)
class Surroundings:
    """What an auxiliary must know of the run it is part of.

    Attributes:
        width: D, the columns of h.
        parts: which of them each kind of split reads.
        example: the parameters of many views.
        angles: which of them are angles in turns, as ``jitter.hue``.
        replay: the augmentation itself: (originals uint8, parameters) -> normalised views, differentiable.
        size: side of the views in pixels.
        momentum: that of the method's teacher at the start; None where it has no teacher.
    """

    width: int
    parts: Mapping[str, slice]
    example: Drawn
    angles: frozenset[str]
    replay: Callable[[Tensor, Drawn], Tensor]
    size: int
    momentum: float | None


@dataclass(frozen=True)
class Routing:
    """Who predicts, what of it counts, and what it may change; every leaf has these as settings.

    Attributes:
        weight: of all its terms in the total.
        branches: which branches predict.
        counted: which branches' terms are part of the total; the others are only logged.
        gradient: whether it reaches the encoder (the online one; a teacher has none) or stops before it.
        teacher_head: slow follows the online head as the teacher follows its network; trained learns by its own terms.
        split: what of h is read: all (none); its second half, the method's projector (or decoder) getting the first
            (end); the second half of the last-but-one stage, pooled, the first going on (middle); or all, through a
            perceptron of its own first (replicate).
    """

    weight: float
    branches: str
    counted: str
    gradient: str
    teacher_head: str
    split: str

    def on(self, branch: str) -> bool:
        """Whether the branch predicts."""
        return self.branches in (branch, "both")

    def counts(self, branch: str) -> bool:
        """Whether the branch's terms are part of the total."""
        return self.counted in (branch, "both")


@dataclass(frozen=True)
class Features:
    """One branch's h (V, B, D) of the views, and of the image each was made from where the auxiliary asks for it."""

    views: Tensor
    originals: Tensor | None = None


class Auxiliary(nn.Module):
    """The contract of a leaf: networks made by ``heads``, and ``terms`` of one branch.

    ``Surroundings`` are the only positional argument; the keyword-only arguments are the settings. ``weights``
    gives the weight of each of the leaf's terms among each other. A leaf knows no method: the features of the
    online branch and of the teacher come to it alike.

    ``uses`` names what it needs beside h of the views: ``features`` (h of the originals), ``pair`` (two views).
    """

    def __init__(self, surroundings: Surroundings, routing: Routing) -> None:
        super().__init__()
        self.routing, self.part = routing, surroundings.parts[routing.split]
        self.width = len(range(surroundings.width)[self.part])
        self.start = surroundings.momentum
        self.uses: frozenset[str] = frozenset()
        self.weights: dict[str, float] = {}
        self._check()

    def heads(self) -> nn.ModuleDict:
        """Fresh networks by name, for one branch."""
        raise NotImplementedError

    def terms(self, branch: str, features: Features, views: Views) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Unweighted terms, and measures that are only logged, of one branch; scalars by name."""
        raise NotImplementedError

    def place(self) -> None:
        """Make the heads of every branch that predicts; called once by a leaf when it knows their sizes."""
        if self.routing.on("online"):
            self.online = self.heads()
        if self.routing.on("teacher"):
            slow = self.routing.teacher_head == "slow"
            self.teacher = Teacher(**dict(self.online.items())) if slow else self.heads()

    def through(self, branch: str, name: str, x: Tensor) -> Tensor:
        """Pass x (V, B, W) through a branch's network of that name: (V, B, ...)."""
        flat = x.flatten(0, 1)
        if branch == "teacher" and isinstance(self.teacher, Teacher):
            out: Tensor = self.teacher(name, flat)
        else:
            out = getattr(self, branch)[name](flat)
        return out.unflatten(0, x.shape[:2])

    def forward(
        self, branches: Mapping[str, Features], views: Views
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Terms and measures of every branch that predicts, as ``BRANCH.NAME``."""
        terms: dict[str, Tensor] = {}
        measures: dict[str, Tensor] = {}
        for branch in ("online", "teacher"):
            if not self.routing.on(branch):
                continue
            found, said = self.terms(branch, self._routed(branches[branch]), views)
            terms |= {f"{branch}.{name}": value for name, value in found.items()}
            measures |= {f"{branch}.{name}": value for name, value in said.items()}
        return terms, measures

    def weight(self, name: str) -> float:
        """The weight in the total of the term ``BRANCH.NAME``."""
        branch, _, term = name.partition(".")
        return self.routing.weight * self.weights.get(term, 1.0) if self.routing.counts(branch) else 0.0

    def after_step(self, progress: float) -> None:
        """Let a slow head follow; ``progress`` runs from 0 to 1."""
        if self.routing.on("teacher") and isinstance(self.teacher, Teacher):
            assert self.start is not None
            self.teacher.follow(momentum(progress, self.start), **dict(self.online.items()))

    def _routed(self, features: Features) -> Features:
        given = [features.views, features.originals]
        views, originals = (None if x is None else x[..., self.part] for x in given)
        assert views is not None
        if self.routing.gradient == "reaches":
            return Features(views, originals)
        return Features(views.detach(), None if originals is None else originals.detach())

    def _check(self) -> None:
        """Refuse what would leave a head without anything that trains it."""
        r = self.routing
        if r.on("teacher") and self.start is None:
            raise RequestError(f"branches = '{r.branches}' needs a method with a teacher, such as byol, moco or dino.")
        if r.branches == "teacher" and r.teacher_head == "slow":
            raise RequestError(
                "branches = 'teacher' has no online head that a slow one could follow: "
                "take teacher_head = 'trained', or branches = 'both'."
            )
        trained = [b for b in ("online", "teacher") if r.on(b) and (b == "online" or r.teacher_head == "trained")]
        for branch in trained:
            if not r.counts(branch):
                raise RequestError(
                    f"counted = '{r.counted}' leaves out the loss of the {branch} branch, "
                    f"and nothing else trains its head."
                )


def beside(features: Features, input: str) -> Tensor:
    """What a head is given, (V, B, W): each view, each view and its original, or each view and the next one."""
    h = features.views
    if input == "pair":
        return torch.cat([h, h.roll(-1, 0)], 2)
    if input == "original":
        assert features.originals is not None
        return torch.cat([h, features.originals], 2)
    return h
