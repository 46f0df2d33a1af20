"""Accuracy on classes that were never seen: k-NN and linear probe, both within the unseen classes' own splits.

Protocol: as ``knn`` and ``linear_probe``, with bank and probe on the training split of the unseen classes.
Cost: as theirs.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics.probe import by_linear, by_neighbours
from kinfolk.numerics.stats import wilson
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class OOD:
    """k-NN and linear accuracy on unseen classes; their number and chance stand in the protocol."""

    needs: ClassVar[frozenset[str]] = frozenset({"ood_train", "ood_test"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"scaling"})

    def __init__(
        self,
        *,
        k: Annotated[int, "[1, inf)", "neighbours"] = 20,
        temperature: Annotated[float, "(0, inf)", "of the votes"] = 0.1,
        penalties: Annotated[tuple[float, ...], "(0, inf)", "candidates for the L2 penalty per sample"] = (
            1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6,
        ),
    ) -> None:
        self.k, self.temperature, self.penalties = k, temperature, penalties

    def measure(self, subject: Subject) -> list[Finding]:
        """Two scores; none where the unseen images have no labels."""
        train, test = subject.get("ood_train").labelled_only(), subject.get("ood_test").labelled_only()
        if not len(train) or not len(test):
            return []
        k = min(self.k, len(train))
        common = subject.conditions(train=train, test=test)
        common["chance"] = 1 / len(np.unique(train.labels))
        near = by_neighbours(train.vectors, train.labels, test.vectors, (k,), self.temperature)[k]
        probed = by_linear(train.vectors, train.labels, train.index, test.vectors, self.penalties)
        ways = (
            ("ood_knn", "k-NN on unseen classes", near,
             {"k": k, "temperature": self.temperature, "metric": "cosine", "centred": False}),
            ("ood_linear_probe", "Linear probe on unseen classes", probed.predicted,
             {"standardised": True, "penalty": "chosen on a tenth of train", "penalties": list(self.penalties)}),
        )
        findings = []
        for name, title, predicted, protocol in ways:
            right = int((predicted == test.labels).sum())
            low, high = wilson(right, len(test))
            findings.append(Finding(
                name, "score", "test", subject.name, {**common, **protocol},
                right / len(test), low, high, "accuracy", True, title=title,
                text=f"{right / len(test):.1%} right among {common['classes']} classes of {train.dataset} that were "
                f"never seen (chance {common['chance']:.1%}).",
            ))
        return findings
