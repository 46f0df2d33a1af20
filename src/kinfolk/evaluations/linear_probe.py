"""Accuracy of multinomial logistic regression on frozen features, to the converged optimum.

Protocol: standardised features, L2 penalty chosen on a tenth of train (stratified, fixed by a hash of the
index), then refitted on all of train.
Cost: O(train x D x (D + classes)) for each of some tens of passes over the features, and O(D^3) once.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from kinfolk.numerics.probe import by_linear
from kinfolk.numerics.stats import wilson
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class LinearProbe:
    """Linear-probe accuracy on test; the gradient's norm at the end is kept as evidence of convergence."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "labels"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"scaling"})

    def __init__(
        self,
        *,
        penalties: Annotated[
            tuple[float, ...], "(0, inf)", "candidates for the L2 penalty per sample, 1 / (C x train size)"
        ] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
    ) -> None:
        self.penalties = penalties

    def measure(self, subject: Subject) -> list[Finding]:
        """One score."""
        train, test = subject.get("train").labelled_only(), subject.get("test").labelled_only()
        probed = by_linear(train.vectors, train.labels, train.index, test.vectors, self.penalties)
        right = int((probed.predicted == test.labels).sum())
        low, high = wilson(right, len(test))
        model = probed.model
        protocol = {
            **subject.conditions(train=train, test=test),
            "standardised": True, "penalty": "chosen on a tenth of train", "penalties": list(self.penalties),
        }
        data = {
            "penalty": model.penalty, "gradient_norm": model.gradient, "iterations": model.iterations,
            "train_accuracy": probed.train_accuracy,
            "held_out": {f"{penalty:g}": accuracy for penalty, accuracy in probed.tried.items()},
        }
        return [Finding(
            "linear_probe", "score", "test", subject.name, protocol,
            right / len(test), low, high, "accuracy", True,
            title="Linear probe", data=data,
            text=f"A linear classifier names the class of {right / len(test):.1%} of {len(test):,} test "
            f"images (of train: {probed.train_accuracy:.1%}).",
        )]
