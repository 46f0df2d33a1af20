"""Accuracy when only a few images of each class have labels: the nearest class mean, over many draws.

Paper: Wang et al. 2019, "SimpleShot" (section 3.2, CL2N): features centred by the mean of train (which takes no
labels), L2-normalised, and compared with the mean of each class's labelled images.
Cost: O(draws x test x D x classes).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws
from kinfolk.numerics.linalg import unit
from kinfolk.numerics.stats import student
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class FewShot:
    """Accuracy on test for each number of labels, with Student's interval over the draws of labelled images."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "labels"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"rotation", "scaling"})

    def __init__(
        self,
        *,
        shots: Annotated[tuple[int, ...], "[1, inf)", "labelled images of each class"] = (1, 5, 10),
        draws: Annotated[int, "[2, 1000]", "times the labelled images are drawn"] = 20,
    ) -> None:
        self.shots, self.draws = shots, draws

    def measure(self, subject: Subject) -> list[Finding]:
        """One score for each number of labels."""
        train, test = subject.get("train").labelled_only(), subject.get("test").labelled_only()
        mean = train.vectors.mean(0, dtype=np.float64).astype(np.float32)
        queries, bank = unit(test.vectors - mean), unit(train.vectors - mean)
        findings = []
        for shots in self.shots:
            accuracy = np.empty(self.draws)
            for draw in range(self.draws):
                rows = draws.within_classes(train.index, train.labels, shots, stream=draw)
                classes, place = np.unique(train.labels[rows], return_inverse=True)
                means = np.zeros((len(classes), bank.shape[1]), dtype=np.float32)
                np.add.at(means, place, bank[rows])
                means /= np.bincount(place)[:, None]
                gap = (means**2).sum(1) - 2 * queries @ means.T
                accuracy[draw] = (classes[gap.argmin(1)] == test.labels).mean()
            low, high = (float(np.clip(v, 0, 1)) for v in student(accuracy))
            protocol = {
                **subject.conditions(train=train, test=test),
                "shots": shots, "draws": self.draws, "classifier": "nearest class mean", "centred": True,
            }
            findings.append(Finding(
                "few_shot", "score", "test", subject.name, protocol,
                float(accuracy.mean()), low, high, "accuracy", True,
                title=f"{shots} label{'s' * (shots > 1)} a class", data={"deviation": float(accuracy.std(ddof=1))},
                text=f"With {shots} labelled image{'s' * (shots > 1)} of each class, {accuracy.mean():.1%} of test is "
                f"named rightly; {accuracy.min():.1%} to {accuracy.max():.1%} over {self.draws} draws.",
            ))
        return findings
