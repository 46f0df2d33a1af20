"""Positives: which image the second view of each image is made from, or whose targets are averaged with its own."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from kinfolk.records.images import Images

Augment = Literal["both", "none"]


class Positives:
    """The contract of a leaf: settings are keyword-only; ``bind`` learns of the images, ``choose`` draws partners.

    Args:
        probability: how likely an image has another one as its partner; otherwise it is its own.
        augment: ``none`` feeds anchor and partner plain, only resized.
        weight: the share of an image's own target where partners join the targets of a teacher instead of
            replacing views; ``off`` replaces views.
    """

    uses: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, probability: float = 0.0, augment: Augment = "both", weight: float | Literal["off"] = "off"
    ) -> None:
        self.probability, self.augment, self.weight = probability, augment, weight
        self.note = ""
        """What a user is told when training starts; set by ``bind``."""

    @property
    def use(self) -> str:
        """How partners are used, in words."""
        way = "takes the second view's place"
        if self.weight != "off":
            way = f"joins each target, {self.weight:g} : {1 - self.weight:g},"
        return f"{way} with probability {self.probability:g}{'; nothing is augmented' * (self.augment == 'none')}"

    def bind(self, images: Images) -> dict[str, Any]:
        """Look at the images that are trained on; return settings that are known only now, for the resolved recipe.

        Raises:
            RequestError: these images cannot be served.
        """
        return {}

    def partners(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Positions (B,) of the images of a step -> positions (B,) of their partners, for one view of each."""
        if not self.probability:
            return rows
        drawn = torch.rand(len(rows), generator=generator) < self.probability
        return torch.where(drawn, self.choose(rows, generator), rows)

    def choose(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """A partner for each of ``rows`` (B,), drawn; called after ``bind``."""
        raise NotImplementedError


def pick(count: Tensor | int, rows: Tensor, generator: torch.Generator) -> Tensor:
    """One whole number below ``count`` (a number or (B,)) for each of ``rows`` (B,), all equally likely."""
    return (torch.rand(len(rows), generator=generator, dtype=torch.float64) * count).long()
