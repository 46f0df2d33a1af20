"""Nearest and farthest training images of test images: precision at k, mean average precision, hubness.

Papers: Radovanovic et al. 2010, "Hubs in space" (skewness of k-occurrence).
Protocol: cosine similarity; the bank is the training split (an image that is itself in the bank is left out
by its index); average precision over the whole ranking, equal similarities sharing one threshold.
Cost: O(test x train x D) for the neighbours, O(queries x train log train) for the average precision.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws, ranking
from kinfolk.numerics.nearest import nearest
from kinfolk.numerics.stats import student
from kinfolk.records.features import Features
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class Retrieval:
    """Sheets of neighbours for every class and, where there are labels, how many are of the query's class."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"rotation", "scaling"})

    def __init__(
        self,
        *,
        k: Annotated[tuple[int, ...], "[1, inf)", "numbers of neighbours for precision"] = (1, 10, 100),
        shown: Annotated[int, "[1, 100]", "neighbours shown for each query"] = 10,
        per_class: Annotated[int, "[1, 100]", "queries shown for each class"] = 2,
        ranked: Annotated[int, "[1, inf)", "queries whose whole ranking is scored"] = 1000,
    ) -> None:
        self.k, self.shown, self.per_class, self.ranked = k, shown, per_class, ranked

    def measure(self, subject: Subject) -> list[Finding]:
        """A gallery and the hubness of both ends; precisions and mAP where both splits have labels."""
        train, test = subject.get("train"), subject.get("test")
        exclude = own_positions(test, train)
        room = len(train) - (exclude is not None)
        k = min(room, max(self.shown, *self.k) if "labels" in subject.offers else self.shown)
        position, similarity = nearest(test.vectors, train.vectors, k, exclude=exclude)
        shown = min(self.shown, k)
        far, far_similarity = nearest(test.vectors, train.vectors, shown, exclude=exclude, farthest=True)
        common = {**subject.conditions(train=train, test=test), "metric": "cosine"}
        rows = self._queries(test)
        arrays = {
            "queries": test.index[rows], "nearest": train.index[position[rows, :shown]],
            "similarity": similarity[rows, :shown], "farthest": train.index[far[rows]],
            "farthest_similarity": far_similarity[rows],
        }
        left_out = None if exclude is None else exclude[rows]
        findings = [Finding(
            "retrieval", "gallery", "test", subject.name, {**common, "k": shown, "queries": len(rows)},
            title="Nearest and farthest images",
            text=f"The nearest training image has a similarity of {similarity[:, 0].mean():.2f} on average, "
            f"the farthest {far_similarity[:, 0].mean():.2f}.",
            data={"query_split": test.split, "bank_split": train.split}, arrays=arrays,
        ), self._by_dot(subject, train, test.take(rows), position[rows, :shown], left_out)]
        for side, found in (("nearest", position[:, :shown]), ("farthest", far)):
            findings.append(self._hubness(subject, common, side, found, len(train), test.index))
        if "labels" in subject.offers:
            findings += self._precision(subject, train, test, position, exclude)
        return findings

    def _by_dot(
        self, subject: Subject, train: Features, queries: Features, by_cosine: np.ndarray, exclude: np.ndarray | None
    ) -> Finding:
        """The sheet of the same queries by dot product, to which the length of the vectors matters."""
        position, product = nearest(
            queries.vectors, train.vectors, by_cosine.shape[1], metric="dot", exclude=exclude
        )
        same = ranking.shared(position, by_cosine).mean()
        return Finding(
            "retrieval_dot", "gallery", "test", subject.name,
            {**subject.conditions(train=train, test=queries), "metric": "dot", "k": position.shape[1]},
            title="Nearest images by dot product",
            text=f"Of the nearest images by dot product, {same:.0%} are among those by cosine (the queries shown).",
            data={"query_split": queries.split, "bank_split": train.split},
            arrays={"queries": queries.index, "nearest": train.index[position], "similarity": product},
        )

    def _queries(self, test: Features) -> np.ndarray:
        if (test.labels >= 0).any():
            found = draws.within_classes(test.index, test.labels, self.per_class)
            found = found[test.labels[found] >= 0]
            by_class: np.ndarray = found[np.argsort(test.labels[found], kind="stable")]
            return by_class
        return draws.subset(test.index, 10 * self.per_class)

    def _hubness(
        self, subject: Subject, common: dict[str, object], side: str, found: np.ndarray, bank: int, index: np.ndarray
    ) -> Finding:
        occurrence = ranking.occurrence(found, bank)
        share = float((occurrence > 0).mean())
        return Finding(
            f"hubness_{side}", "score", "test", subject.name, {**common, "k": found.shape[1]},
            ranking.skewness(occurrence), *ranking.skewness_interval(found, bank, index), "skewness", False,
            title=f"Hubness of the {side} images",
            text=f"{share:.1%} of the bank appears among the {found.shape[1]} {side} of any query; one image "
            f"does so for {occurrence.max() / len(found):.1%} of all queries.",
        )

    def _precision(
        self,
        subject: Subject,
        train: Features,
        test: Features,
        position: np.ndarray,
        exclude: np.ndarray | None,
    ) -> list[Finding]:
        labelled = np.flatnonzero(test.labels >= 0)
        hits = train.labels[position[labelled]] == test.labels[labelled, None]
        queries = test.take(labelled)
        common = {**subject.conditions(train=train, test=queries), "metric": "cosine"}
        findings = []
        for k in dict.fromkeys(min(k, position.shape[1]) for k in self.k):
            each = hits[:, :k].mean(1)
            text = f"Of the {k} nearest training images, {each.mean():.1%} are of the query's class."
            protocol = {**common, "k": k}
            findings.append(score("precision_at_k", protocol, subject, each, f"Precision at {k}", text))
        rows = labelled[draws.subset(test.index[labelled], self.ranked)]
        left_out = None if exclude is None else exclude[rows]
        each = ranking.average_precision(
            test.vectors[rows], test.labels[rows], train.vectors, train.labels, exclude=left_out
        )
        each = each[np.isfinite(each)]
        protocol = {**common, "queries": len(each)}
        text = f"Over whole rankings the average precision is {each.mean():.1%} ({len(each):,} queries)."
        title = "Mean average precision"
        return [*findings, score("mean_average_precision", protocol, subject, each, title, text)]


def own_positions(queries: Features, bank: Features) -> np.ndarray | None:
    """Where each query is in the bank, -1 for not at all; None when the two are different splits."""
    if (queries.fingerprint, queries.dataset, queries.split) != (bank.fingerprint, bank.dataset, bank.split):
        return None
    place = {int(number): row for row, number in enumerate(bank.index)}
    return np.array([place.get(int(number), -1) for number in queries.index], dtype=np.int64)


def score(
    name: str, protocol: dict[str, object], subject: Subject, each: np.ndarray, title: str, text: str
) -> Finding:
    """The mean over queries with Student's interval."""
    low, high = (float(np.clip(v, 0, 1)) for v in student(each))
    return Finding(
        name, "score", "test", subject.name, protocol, float(each.mean()), low, high, "precision", True,
        title=title, text=text,
    )
