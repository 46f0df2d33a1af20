"""Accuracy of weighted nearest neighbours in the training split.

Paper: Wu et al. 2018, "Unsupervised feature learning
via non-parametric instance discrimination" (section 3.4).
Protocol: L2 normalisation only, no centring; votes weighted by exp(similarity / temperature).
Cost: O(test x train x D).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from kinfolk.numerics.probe import by_neighbours
from kinfolk.numerics.stats import wilson
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class KNN:
    """k-NN accuracy on test for each k; k = 20 is the headline."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "labels"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"rotation", "scaling"})

    def __init__(
        self,
        *,
        k: Annotated[tuple[int, ...], "[1, inf)", "neighbours; the first is the headline"] = (20, 1, 200),
        temperature: Annotated[float, "(0, inf)", "of the votes (section 3.4: 0.07; here 0.1)"] = 0.1,
    ) -> None:
        self.k, self.temperature = k, temperature

    def measure(self, subject: Subject) -> list[Finding]:
        """One score for each k (lowered to the bank's size where the bank is smaller)."""
        train, test = subject.get("train").labelled_only(), subject.get("test").labelled_only()
        predicted = by_neighbours(train.vectors, train.labels, test.vectors, self.k, self.temperature)
        findings = []
        for k in dict.fromkeys(min(k, len(train)) for k in self.k):
            right = int((predicted[k] == test.labels).sum())
            low, high = wilson(right, len(test))
            protocol = {
                **subject.conditions(train=train, test=test),
                "k": k, "temperature": self.temperature, "metric": "cosine", "centred": False,
            }
            findings.append(Finding(
                "knn", "score", "test", subject.name, protocol,
                right / len(test), low, high, "accuracy", True,
                title=f"k-NN accuracy, k = {k}",
                text=f"{k} nearest training images name the class of {right / len(test):.1%} of "
                f"{len(test):,} test images.",
            ))
        return findings
