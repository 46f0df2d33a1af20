"""Maps of the features in two dimensions, with how far they can be trusted.

Papers: van der Maaten and Hinton 2008 (t-SNE); Belkin and Niyogi 2003 (Laplacian eigenmaps); Venna and Kaski
2001 (trustworthiness); Bergman et al. 2020 (the anomaly score that colours a map).
Cost: O(n^2) in memory and O(n^2 log n) in time for the trustworthiness of n mapped images; O(n x train x D) for the
anomaly score.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, ClassVar

import numpy as np

from kinfolk.core.errors import unknown
from kinfolk.numerics import draws, embedding
from kinfolk.numerics.nearest import nearest
from kinfolk.records.features import Features
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject

TITLES = {"pca": "PCA", "tsne": "t-SNE", "laplacian": "Laplacian eigenmap", "umap": "UMAP"}


class Map:
    """Scatter plots of the same test images for every subject; ``umap`` only where umap-learn is installed."""

    needs: ClassVar[frozenset[str]] = frozenset({"test"})
    floors: ClassVar[bool] = True

    def __init__(
        self,
        *,
        methods: Annotated[tuple[str, ...], "pca, tsne, laplacian, umap"] = ("pca", "tsne", "laplacian", "umap"),
        images: Annotated[int, "[10, 20000]", "test images at most, chosen by a hash of their index"] = 3000,
        k: Annotated[int, "[1, 1000]", "neighbours for trustworthiness and for the accuracy on the map"] = 15,
    ) -> None:
        self.methods, self.images, self.k = methods, images, k
        for method in methods:
            if method not in TITLES:
                raise unknown("map", method, TITLES)

    def measure(self, subject: Subject) -> list[Finding]:
        """One scatter for each method; too few images for a map give none, and of the floors only pixels are mapped."""
        if subject.floor and subject.name != "pixels":
            return []
        test = subject.get("test")
        test = test.take(draws.subset(test.index, self.images))
        if len(test) < 5:
            return []
        k = min(self.k, (len(test) - 1) // 2)
        colours = {"anomaly_score": apart(test, subject.get("train"))} if ("train", "h") in subject.features else {}
        findings = []
        for method in self.methods:
            if method == "umap" and find_spec("umap") is None:
                continue
            xy = embedding.project(method, test.vectors)
            trust = embedding.trust(test.vectors, xy, k)
            text = f"Trustworthiness {trust:.2f}"
            data: dict[str, object] = {"trustworthiness": trust}
            known = np.flatnonzero(test.labels >= 0)
            if len(known) > k:
                data["accuracy_on_map"] = right = embedding.accuracy(xy[known], test.labels[known], k)
                text += f"; {k} neighbours on the map name the class of {right:.1%} of the images"
            findings.append(Finding(
                f"map_{method}", "scatter", "test", subject.name,
                {**subject.conditions(test=test), "method": method, "k": k},
                title=f"{TITLES[method]} of the features", text=text + ".", data=data,
                arrays={"xy": xy, "index": test.index, "labels": test.labels, **colours},
            ))
        return findings


def apart(test: Features, train: Features) -> np.ndarray:
    """Mean Euclidean distance of each test image to its two nearest training images, float64 (n,)."""
    return nearest(test.vectors, train.vectors, min(2, len(train)), metric="euclidean")[1].mean(1, dtype=np.float64)
