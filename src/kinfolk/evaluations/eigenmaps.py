"""Laplacian eigenmaps of train and test together as features: k-NN and linear scores, transductive.

Paper: Belkin and Niyogi 2003, sections 2 and 3. The test images take part in making the map (without labels),
so that these scores stand beside each other, never beside inductive ones.
Cost: O(images^2 x D) for the graph, and Lanczos iterations on it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws
from kinfolk.numerics.embedding import eigenmaps
from kinfolk.numerics.probe import by_linear, by_neighbours
from kinfolk.numerics.stats import wilson
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class Eigenmaps:
    """k-NN and linear accuracy of a spectral embedding of the neighbour graph, of features and of floors."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "labels"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"rotation", "scaling"})

    def __init__(
        self,
        *,
        dimensions: Annotated[int, "[1, 1000]", "of the embedding"] = 64,
        graph: Annotated[int, "[1, 1000]", "neighbours in the graph"] = 15,
        images: Annotated[int, "[20, 100000]", "images of train, and of test, at most"] = 5000,
        k: Annotated[int, "[1, inf)", "neighbours that vote"] = 20,
    ) -> None:
        self.dimensions, self.graph, self.images, self.k = dimensions, graph, images, k

    def measure(self, subject: Subject) -> list[Finding]:
        """Two scores."""
        train, test = subject.get("train").labelled_only(), subject.get("test").labelled_only()
        train = train.take(draws.subset(train.index, self.images))
        test = test.take(draws.subset(test.index, self.images))
        dimensions = min(self.dimensions, len(train) + len(test) - 2)
        found = eigenmaps(np.concatenate([train.vectors, test.vectors]), dimensions, self.graph)
        bank, queries = found[: len(train)], found[len(train) :]
        k = min(self.k, len(train))
        common = {
            **subject.conditions(train=train, test=test), "transductive": True, "dimensions": dimensions,
            "graph": self.graph,
        }
        near = by_neighbours(bank, train.labels, queries, (k,), 0.1)[k]
        probed = by_linear(bank, train.labels, train.index, queries, (1e-2, 1e-3, 1e-4, 1e-5))
        findings = []
        for name, what, predicted, protocol in (
            ("eigenmaps_knn", "k-NN", near, {"k": k, "temperature": 0.1, "metric": "cosine"}),
            ("eigenmaps_linear", "Linear probe", probed.predicted, {"penalty": "chosen on a tenth of train"}),
        ):
            right = int((predicted == test.labels).sum())
            low, high = wilson(right, len(test))
            findings.append(Finding(
                name, "score", "test", subject.name, {**common, **protocol},
                right / len(test), low, high, "accuracy", True, title=f"{what} on Laplacian eigenmaps (transductive)",
                text=f"{right / len(test):.1%} right in {dimensions} dimensions made from the neighbour graph of train "
                "and test together.",
            ))
        return findings
