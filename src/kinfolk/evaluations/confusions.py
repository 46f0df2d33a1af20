"""The most entangled pairs of classes: whose nearest neighbours are of which class.

Protocol: cosine, k nearest in the training split for every test image; the entanglement of two classes is the mean
share of one's neighbours that belong to the other, both ways.
Cost: O(test x train x D).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics.nearest import nearest
from kinfolk.numerics.stats import bootstrap_mean
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class Confusions:
    """A matrix of classes against the classes of their neighbours, and the worst pairs."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "labels"})
    floors: ClassVar[bool] = False
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"rotation", "scaling"})

    def __init__(
        self,
        *,
        k: Annotated[int, "[1, inf)", "neighbours"] = 20,
        pairs: Annotated[int, "[1, 1000]", "pairs listed"] = 10,
        largest: Annotated[int, "[2, 1000]", "classes up to which the matrix is shown"] = 50,
    ) -> None:
        self.k, self.pairs, self.largest = k, pairs, largest

    def measure(self, subject: Subject) -> list[Finding]:
        """A table of pairs, and the matrix while the classes are few."""
        train, test = subject.get("train").labelled_only(), subject.get("test").labelled_only()
        k = min(self.k, len(train))
        classes = np.unique(np.concatenate([train.labels, test.labels]))
        names = [train.classes[c] if c < len(train.classes) else str(c) for c in classes]
        own = np.searchsorted(classes, test.labels)
        theirs = np.searchsorted(classes, train.labels[nearest(test.vectors, train.vectors, k)[0]])
        shares = np.zeros((len(test), len(classes)))
        np.add.at(shares, (np.repeat(np.arange(len(test)), k), theirs.ravel()), 1 / k)
        members = np.bincount(own, minlength=len(classes))
        matrix = np.zeros((len(classes),) * 2)
        np.add.at(matrix, own, shares)
        matrix /= np.maximum(members, 1)[:, None]
        protocol = {**subject.conditions(train=train, test=test), "k": k, "metric": "cosine"}
        rows = self._pairs(matrix, members, shares, own, names)
        findings = [Finding(
            "confusions", "table", "test", subject.name, {**protocol, "pairs": len(rows)},
            title="Most entangled classes", text=_told(rows),
            data={"columns": ["class", "class", "entanglement", "low", "high"], "rows": rows},
        )]
        if len(classes) <= self.largest:
            findings.append(Finding(
                "neighbour_classes", "matrix", "test", subject.name, protocol,
                title="Classes of the neighbours of each class",
                text=f"{np.diag(matrix)[members > 0].mean():.1%} of an image's neighbours are of its own class, "
                "on average over classes.",
                data={"rows": names, "columns": names, "values": matrix.round(5).tolist()},
            ))
        return findings

    def _pairs(
        self, matrix: np.ndarray, members: np.ndarray, shares: np.ndarray, own: np.ndarray, names: list[str]
    ) -> list[list[object]]:
        """The worst pairs: both names, the entanglement and its bootstrap interval over the images of both."""
        first, second = np.triu_indices(len(matrix), 1)
        both = (members[first] > 0) & (members[second] > 0)
        first, second = first[both], second[both]
        found = (matrix[first, second] + matrix[second, first]) / 2
        rows: list[list[object]] = []
        for worst in np.argsort(-found, kind="stable")[: self.pairs]:
            a, b = int(first[worst]), int(second[worst])
            there, back = (bootstrap_mean(shares[own == i, j], 200) for i, j in ((a, b), (b, a)))
            half = np.hypot(there[1] - there[0], back[1] - back[0]) / 4
            value = float(found[worst])
            rows.append([names[a], names[b], value, max(0.0, value - float(half)), min(1.0, value + float(half))])
        return rows


def _told(rows: list[list[object]]) -> str:
    if not rows:
        return "There are not two classes to compare."
    first, second, share = rows[0][:3]
    return f"{first} and {second} are the most entangled: {share:.1%} of their neighbours are the other's."
