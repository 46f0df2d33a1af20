"""A view of an image of the same class, or of another class, in set shares: an oracle, for it looks at the labels.

It answers how good a representation would be if neighbours were right with probability ``purity``: accuracy
against purity. A run that used it is not self-supervised and is no rival of one that is.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from kinfolk.core.errors import RequestError
from kinfolk.positives import Positives, pick
from kinfolk.records.images import UNLABELLED, Images


class SameClass(Positives):
    """Partners drawn within the class with probability ``purity``, else among the images of all other classes."""

    uses: ClassVar[frozenset[str]] = frozenset({"labels"})

    def __init__(
        self,
        *,
        purity: Annotated[float, "[0, 1]", "share of partners of the same class"] = 1.0,
        probability: Annotated[float, "[0, 1]", "how likely an image takes a partner; otherwise it is its own"] = 1.0,
        augment: Annotated[Literal["both", "none"], "none: anchor and partner are only resized"] = "both",
        weight: Annotated[
            float | Literal["off"], "[0, 1]", "average a teacher's targets: share of the view's own"
        ] = "off",
    ) -> None:
        super().__init__(probability, augment, weight)
        self.purity = purity

    def bind(self, images: Images) -> dict[str, Any]:
        """Sort the images by class; each needs a label and, by ``purity``, another image in or out of its class."""
        unlabelled = int((images.labels == UNLABELLED).sum())
        if unlabelled:
            raise RequestError(
                f"positives 'same_class' use labels, and {unlabelled:,} of the {len(images):,} images of "
                f"{images.name} ({images.split}) have none."
            )
        _, own, counts = np.unique(images.labels, return_inverse=True, return_counts=True)
        if self.purity > 0 and counts.min() < 2:
            raise RequestError(
                f"positives.purity = {self.purity}: class '{images.classes[images.labels[np.argmin(counts[own])]]}' "
                "has only one image, so none of the same class can be its partner."
            )
        if self.purity < 1 and len(counts) < 2:
            raise RequestError(f"positives.purity = {self.purity}: there is one class, so no image of another.")
        order = np.argsort(own, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        starts = np.cumsum(counts) - counts
        self.order, self.place, self.starts, self.counts = (
            torch.from_numpy(a) for a in (order, place, starts[own], counts[own])
        )
        self.note = f"an oracle looks at the labels: an image, {self.purity:.0%} of the same class, {self.use}"
        return {}

    def choose(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        start, count, place = self.starts[rows], self.counts[rows], self.place[rows]
        within = start + pick(count - 1, rows, generator)
        within += within >= place
        without = pick(len(self.order) - count, rows, generator)
        without += torch.where(without >= start, count, 0)
        same = torch.rand(len(rows), generator=generator) < self.purity
        return self.order[torch.where(same, within, without)]
