"""Accuracy of a linear classifier after ten epochs of SGD, for studies that compare to it.

Not converged by design: beside ``linear_probe`` it shows how much of a difference is the classifier's training.
Protocol: standardised features, softmax cross-entropy, momentum 0.9, cosine to zero, no penalty.
Cost: O(epochs x train x D x classes).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import torch

from kinfolk.core import seeds
from kinfolk.numerics.linear import Standard
from kinfolk.numerics.stats import wilson
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class LinearSGD10:
    """Linear accuracy on test by a short training."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "labels"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"scaling"})

    def __init__(
        self,
        *,
        epochs: Annotated[int, "[1, 1000]", "passes over train"] = 10,
        lr: Annotated[float, "(0, inf)", "learning rate at the start"] = 0.1,
        batch: Annotated[int, "[1, inf)", "images in a step"] = 256,
        seed: Annotated[int, "[0, inf)", "of the order of the images"] = 0,
    ) -> None:
        self.epochs, self.lr, self.batch, self.seed = epochs, lr, batch, seed

    def measure(self, subject: Subject) -> list[Finding]:
        """One score."""
        train, test = subject.get("train").labelled_only(), subject.get("test").labelled_only()
        standard = Standard.of(train.vectors)
        classes, targets = np.unique(train.labels, return_inverse=True)
        weights, bias = self._fit(standard.apply(train.vectors), targets, len(classes))
        predicted = classes[(standard.apply(test.vectors) @ weights + bias).argmax(1)]
        right = int((predicted == test.labels).sum())
        low, high = wilson(right, len(test))
        protocol = {
            **subject.conditions(train=train, test=test), "standardised": True, "optimizer": "sgd",
            "momentum": 0.9, "schedule": "cosine", "epochs": self.epochs, "lr": self.lr, "batch": self.batch,
            "seed": self.seed,
        }
        return [Finding(
            "linear_sgd10", "score", "test", subject.name, protocol,
            right / len(test), low, high, "accuracy", True, title=f"Linear classifier, {self.epochs} epochs of SGD",
            text=f"After {self.epochs} epochs of SGD a linear classifier names the class of "
            f"{right / len(test):.1%} of {len(test):,} test images.",
        )]

    def _fit(self, vectors: np.ndarray, targets: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
        """Weights (D, C) and bias (C,)."""
        x, y = torch.from_numpy(vectors), torch.from_numpy(targets.astype(np.int64))
        w, b = torch.zeros(x.shape[1], classes), torch.zeros(classes)
        moving_w, moving_b = torch.zeros_like(w), torch.zeros_like(b)
        steps = -(-len(x) // self.batch)
        for epoch in range(self.epochs):
            order = torch.randperm(len(x), generator=seeds.generator(self.seed, "evaluation", epoch))
            for step in range(steps):
                rows = order[step * self.batch : (step + 1) * self.batch]
                progress = (epoch * steps + step) / (self.epochs * steps)
                rate = self.lr * (1 + np.cos(np.pi * progress)) / 2
                p = torch.addmm(b, x[rows], w).softmax(1)
                p[torch.arange(len(rows)), y[rows]] -= 1
                p /= len(rows)
                moving_w = 0.9 * moving_w + x[rows].T @ p
                moving_b = 0.9 * moving_b + p.sum(0)
                w, b = w - rate * moving_w, b - rate * moving_b
        return w.numpy(), b.numpy()
