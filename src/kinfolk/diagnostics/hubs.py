"""Hubs: images that are among the nearest, or the farthest, of far too many others.

Paper: Radovanovic et al. 2010, "Hubs in space", section 3.1 (skewness of k-occurrence).
Cost: O(images^2 x D).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws, ranking
from kinfolk.numerics.nearest import nearest
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class Hubs:
    """Skewness of k-occurrence among training images, each left out of its own list, and the hubs themselves."""

    needs: ClassVar[frozenset[str]] = frozenset({"train"})
    floors: ClassVar[bool] = False

    def __init__(
        self,
        *,
        k: Annotated[int, "[1, inf)", "length of the lists"] = 10,
        images: Annotated[int, "[10, 200000]", "training images at most"] = 10_000,
        shown: Annotated[int, "[1, 1000]", "hubs shown"] = 20,
    ) -> None:
        self.k, self.images, self.shown = k, images, shown

    def measure(self, subject: Subject) -> list[Finding]:
        """A score and a gallery for each end."""
        train = subject.get("train")
        train = train.take(draws.subset(train.index, self.images))
        k = min(self.k, len(train) - 1)
        protocol = {**subject.conditions(train=train), "k": k, "metric": "cosine"}
        findings = []
        for end in ("nearest", "farthest"):
            found, _ = nearest(
                train.vectors, train.vectors, k, exclude=np.arange(len(train)), farthest=end == "farthest"
            )
            occurrence = ranking.occurrence(found, len(train))
            skewness = ranking.skewness(occurrence)
            low, high = ranking.skewness_interval(found, len(train), train.index)
            top = np.argsort(-occurrence, kind="stable")[: self.shown]
            text = (
                f"One image is among the {k} {end} of {occurrence.max() / len(train):.1%} of all images; "
                f"{(occurrence == 0).mean():.1%} are in nobody's list."
            )
            findings += [
                Finding(
                    f"hubs_{end}", "score", "train", subject.name, protocol, skewness, low, high,
                    "skewness", False, title=f"Hubs among the {end}", text=text,
                ),
                Finding(
                    f"hub_images_{end}", "gallery", "train", subject.name, {**protocol, "shown": len(top)},
                    title=f"The images most often among the {end}", text=text, data={"split": train.split},
                    arrays={"images": train.index[top], "score": occurrence[top].astype(np.float32)},
                ),
            ]
        return findings
