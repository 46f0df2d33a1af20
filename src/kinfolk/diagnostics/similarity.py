"""How similar images are to their nearest neighbours and to random images: are all close to each other?

Cost: O(queries x train x D).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws, linalg
from kinfolk.numerics.nearest import nearest
from kinfolk.numerics.stats import bootstrap_mean, over_pairs
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject

BINS = 100


class Similarity:
    """Mean cosine to the nearest and to random training images, its spread over pairs, and the distributions."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test"})
    floors: ClassVar[bool] = True

    def __init__(
        self,
        *,
        queries: Annotated[int, "[10, inf)", "test images at most"] = 2000,
        k: Annotated[int, "[1, inf)", "the farther of the neighbours shown"] = 20,
    ) -> None:
        self.queries, self.k = queries, k

    def measure(self, subject: Subject) -> list[Finding]:
        """Three scores and a curve of distributions."""
        train, test = subject.get("train"), subject.get("test")
        test = test.take(draws.subset(test.index, self.queries))
        k = min(self.k, len(train))
        near = nearest(test.vectors, train.vectors, k)[1]
        others = (draws.hashed(test.index, stream=2) % np.uint64(len(train))).astype(np.int64)
        random = linalg.cosines(test.vectors, train.vectors[others])
        mean, deviation, low_spread, high_spread = spread(test.vectors)
        protocol = {**subject.conditions(train=train, test=test), "metric": "cosine"}
        findings = []
        for name, values, what in (
            ("similarity_nearest", near[:, 0], "the nearest training image"),
            ("similarity_random", random, "a random training image"),
        ):
            low, high = bootstrap_mean(values)
            findings.append(Finding(
                name, "score", "test", subject.name, protocol, float(values.mean()), low, high, "cosine",
                title=f"Similarity to {what}",
                text=f"The cosine to {what} is {values.mean():.2f} on average.",
            ))
        findings.append(Finding(
            "similarity_spread", "score", "test", subject.name, protocol, deviation, low_spread, high_spread,
            "cosine", title="Spread of the similarities",
            text=f"Over all pairs of test images the cosine is {mean:.2f} with a deviation of {deviation:.3f}.",
        ))
        edges = np.linspace(-1, 1, BINS + 1)
        series = {
            "nearest": near[:, 0], f"{k}th nearest": near[:, -1], "random": random,
        }
        findings.append(Finding(
            "similarities", "curve", "test", subject.name, {**protocol, "k": k}, title="Distribution of similarities",
            text=f"{(near[:, 0] > random.max()).mean():.1%} of nearest images are more similar than any random one.",
            data={
                "x": ((edges[1:] + edges[:-1]) / 2).tolist(), "x_label": "cosine", "y_label": "share of images",
                "series": {
                    name: (np.histogram(np.clip(values, -1, 1), edges)[0] / len(values)).tolist()
                    for name, values in series.items()
                },
            },
        ))
        return findings


def spread(vectors: np.ndarray) -> tuple[float, float, float, float]:
    """Mean of the cosine over all pairs of different rows of (N, D), its deviation, and the latter's interval."""
    each, square = linalg.similarities_of_each(vectors)
    mean = each.mean()
    low, high = (np.sqrt(max(0.0, bound)) for bound in over_pairs(square - 2 * mean * each + mean**2))
    return float(mean), float(np.sqrt(max(0.0, square.mean() - mean**2))), float(low), float(high)
