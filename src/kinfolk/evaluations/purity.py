"""Purity: how many of an image's nearest others within the training split are of its class.

What `kinfolk neighbours` prints, as a score: how good the subject's neighbours are as positives. An auto-decoder's
trained latents (layer `latents`), the space its neighbours are found in, are measured as well.
Protocol: the image itself is left out by its number; the labels of the training split are looked at.
Cost: O(images x train x D).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np

from kinfolk.numerics import draws
from kinfolk.numerics.nearest import nearest
from kinfolk.numerics.stats import student
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject

LAYERS = ("h", "latents")


class Purity:
    """The share at each k, of each layer that there is."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "labels"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"rotation", "scaling"})

    def __init__(
        self,
        *,
        k: Annotated[tuple[int, ...], "[1, inf)", "numbers of neighbours; the first is the headline"] = (1, 5, 20),
        metric: Annotated[Literal["cosine", "dot", "euclidean"], "what is near"] = "cosine",
        images: Annotated[int, "[2, inf)", "whose neighbours are looked at, chosen by a hash of their index"] = 10_000,
    ) -> None:
        self.k, self.metric, self.images = k, metric, images

    def measure(self, subject: Subject) -> list[Finding]:
        """One score for each layer and k (lowered to the number of others where there are fewer)."""
        findings = []
        for layer in [name for name in LAYERS if ("train", name) in subject.features]:
            whole = subject.get("train", layer)
            train = whole.labelled_only()
            without = len(whole) - len(train)
            if len(train) < 2:
                continue
            rows = draws.subset(train.index, self.images)
            each = sorted({min(k, len(train) - 1) for k in self.k})
            position, _ = nearest(train.vectors[rows], train.vectors, each[-1], metric=self.metric, exclude=rows)
            same = train.labels[position] == train.labels[rows][:, None]
            for k in each:
                share = same[:, :k].mean(1)
                low, high = np.clip(student(share), 0, 1)
                protocol = {**subject.conditions(train=train), "images": len(rows), "k": k, "metric": self.metric}
                protocol |= {"without_label": without} if without else {}
                findings.append(Finding(
                    "purity", "score", "train", subject.name, protocol, float(share.mean()), float(low), float(high),
                    "precision", True, title="Neighbours of the same class",
                    text=f"Of the {k} nearest others of a training image {share.mean():.1%} are of its class."
                    + (f" {without:,} images without a label were left out." if without else ""),
                ))
        return findings
