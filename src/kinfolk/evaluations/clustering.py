"""Agreement of k-means clusters with the classes, and how many clusters there seem to be without labels.

Protocol: k-means on L2-normalised features of at most ``images`` test images, ten starts; the label-free number of
clusters has the largest silhouette (three starts on a sample). Accuracy is that of the best one-to-one match of
clusters and classes.
Cost: O(images x D x clusters) for each pass of k-means, O(sample^2 x D) for a silhouette.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws, linalg
from kinfolk.numerics.stats import bootstrap_mean, wilson
from kinfolk.records.features import Features
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject

CANDIDATES = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 32, 40, 50, 64)
STARTS = 3


class Clustering:
    """NMI, ARI, matched accuracy, silhouette and a map, at the number of classes and at the label-free one."""

    needs: ClassVar[frozenset[str]] = frozenset({"test"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"rotation", "scaling"})

    def __init__(
        self,
        *,
        images: Annotated[int, "[10, inf)", "test images at most"] = 5000,
        starts: Annotated[int, "[1, 100]", "starts of k-means"] = 10,
        sample: Annotated[int, "[10, 10000]", "images for a silhouette"] = 2000,
        mapped: Annotated[int, "[10, 20000]", "images on the map, the same as in ``map``"] = 3000,
    ) -> None:
        self.images, self.starts, self.sample, self.mapped = images, starts, sample, mapped

    def measure(self, subject: Subject) -> list[Finding]:
        """Without labels: the number of clusters, silhouette and map; with labels three scores more, and all twice."""
        test = subject.get("test")
        test = test.take(draws.subset(test.index, self.images))
        if len(test) < 10:
            return []
        unit = linalg.unit(test.vectors)
        common = {**subject.conditions(test=test), "starts": self.starts, "normalised": True}
        known = np.flatnonzero(test.labels >= 0)
        classes = len(np.unique(test.labels[known]))
        free = {**common, "clusters": "by silhouette"}
        number, heights = self._number(unit, test.index)
        findings = [Finding(
            "clusters", "score", "test", subject.name, {**common, "sample": self.sample}, float(number),
            unit="clusters", title="Number of clusters without labels",
            data={"silhouettes": {str(k): height for k, height in heights.items()}},
            text=f"The silhouette is largest with {number} clusters ({heights[number]:.2f}).",
        )]
        ways = [({**common, "clusters": classes}, classes)] if classes > 1 else []
        clusters = {count: self._kmeans(unit, count, self.starts) for count in {classes, number} - {0, 1}}
        for protocol, count in [*ways, (free, number)]:
            cluster = clusters[count]
            if classes > 1:
                findings += self._agreement(subject, protocol, cluster[known], test.labels[known])
            findings.append(self._silhouette(subject, protocol, unit, cluster, test.index))
            findings.append(self._map(subject, protocol, test, cluster))
        return findings

    def _kmeans(self, unit: np.ndarray, count: int, starts: int) -> np.ndarray:
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found: np.ndarray = KMeans(count, n_init=starts, random_state=0).fit_predict(unit)
        return found

    def _number(self, unit: np.ndarray, index: np.ndarray) -> tuple[int, dict[int, float]]:
        """The number of clusters with the largest silhouette on a sample, and the silhouettes of all tried."""
        sample = unit[draws.subset(index, self.sample, stream=1)]
        heights = {
            k: silhouette(sample, self._kmeans(sample, k, STARTS))[0]
            for k in CANDIDATES
            if k <= max(2, len(sample) // 10)
        }
        return max(heights, key=lambda k: (heights[k], -k)), heights

    def _agreement(
        self, subject: Subject, protocol: dict[str, object], cluster: np.ndarray, labels: np.ndarray
    ) -> list[Finding]:
        from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

        right = int(matched(labels, cluster).sum())
        low, high = wilson(right, len(labels))
        nmi = float(normalized_mutual_info_score(labels, cluster))
        ari = float(adjusted_rand_score(labels, cluster))
        ways = (
            ("clustering_accuracy", right / len(labels), low, high, "accuracy", "Clusters matched with classes",
             f"Matched one to one with the classes, the clusters name {right / len(labels):.1%} of the images."),
            ("clustering_nmi", nmi, *resampled(normalized_mutual_info_score, labels, cluster), "NMI",
             "Mutual information of clusters and classes",
             f"Clusters and classes share {nmi:.1%} of their information."),
            ("clustering_ari", ari, *resampled(adjusted_rand_score, labels, cluster), "ARI",
             "Adjusted Rand index of clusters", f"The adjusted Rand index of clusters and classes is {ari:.2f}."),
        )
        return [
            Finding(name, "score", "test", subject.name, protocol, value, least, most, unit, True,
                    title=title, text=text)
            for name, value, least, most, unit, title, text in ways
        ]

    def _silhouette(
        self, subject: Subject, protocol: dict[str, object], unit: np.ndarray, cluster: np.ndarray, index: np.ndarray
    ) -> Finding:
        rows = draws.subset(index, self.sample, stream=1)
        height, (low, high) = silhouette(unit[rows], cluster[rows])
        return Finding(
            "silhouette", "score", "test", subject.name, {**protocol, "sample": len(rows)}, height, low, high,
            "silhouette", True, title="Silhouette of the clusters",
            text=f"The silhouette of {len(np.unique(cluster))} clusters is {height:.2f} (1: far apart, 0: touching).",
        )

    def _map(
        self, subject: Subject, protocol: dict[str, object], test: Features, cluster: np.ndarray
    ) -> Finding:
        rows = draws.subset(test.index, self.mapped)
        return Finding(
            "cluster_map", "scatter", "test", subject.name, protocol,
            title=f"{len(np.unique(cluster))} clusters on the PCA map",
            text=f"{len(np.unique(cluster))} clusters of {np.bincount(cluster).min():,} to "
            f"{np.bincount(cluster).max():,} images.",
            arrays={
                "xy": linalg.project(test.vectors[rows], 2), "index": test.index[rows],
                "labels": test.labels[rows], "cluster": cluster[rows].astype(np.int64),
            },
        )


def silhouette(vectors: np.ndarray, cluster: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Mean silhouette of (N, D) and its interval; 0 where there is a single cluster or every point is its own."""
    from sklearn.metrics import silhouette_samples

    if not 1 < len(np.unique(cluster)) < len(vectors):
        return 0.0, (0.0, 0.0)
    each = silhouette_samples(vectors, cluster).astype(np.float64)
    return float(each.mean()), bootstrap_mean(each)


def matched(labels: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Mask (N,) of the points right under the best one-to-one match of clusters and labels (Hungarian)."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics.cluster import contingency_matrix

    names, label = np.unique(labels, return_inverse=True)
    _, group = np.unique(cluster, return_inverse=True)
    rows, columns = linear_sum_assignment(contingency_matrix(label, group), maximize=True)
    match = np.full(group.max() + 1, -1)
    match[columns] = rows
    right: np.ndarray = match[group] == label
    return right


def resampled(
    measure: Callable[[np.ndarray, np.ndarray], float], labels: np.ndarray, cluster: np.ndarray, draws: int = 200
) -> tuple[float, float]:
    """Bootstrap interval of an agreement, over images: the quantiles' distances from the value, turned round.

    A resample of few images agrees by chance once more, as the images themselves did (Davison and Hinkley 1997,
    section 5.2, "basic"); plain quantiles would lie too high.
    """
    random, value = np.random.default_rng(0), measure(labels, cluster)
    values = [measure(labels[rows], cluster[rows]) for rows in random.integers(0, len(labels), (draws, len(labels)))]
    low, high = 2 * value - np.quantile(values, [0.975, 0.025])
    return float(min(low, value)), float(min(1.0, max(high, value)))
