"""Classification of features as the protocols define it: weighted neighbours and the chosen linear model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinfolk.numerics import draws, linear
from kinfolk.numerics.nearest import nearest


def vote(similarity: np.ndarray, labels: np.ndarray, temperature: float) -> np.ndarray:
    """Labels int64 (M,) by votes weighted with exp(similarity / temperature) (Wu et al. 2018, section 3.4).

    Args:
        similarity: (M, k) cosine of each neighbour.
        labels: int (M, k), each neighbour's label; equal sums go to the lowest label.
        temperature: positive.
    """
    classes, place = np.unique(labels, return_inverse=True)
    weight = np.exp((similarity - similarity.max(1, keepdims=True)).astype(np.float64) / temperature)
    cells = np.arange(len(labels))[:, None] * len(classes) + place.reshape(labels.shape)
    sums = np.bincount(cells.ravel(), weight.ravel(), len(labels) * len(classes))
    return classes[sums.reshape(len(labels), -1).argmax(1)]


def by_neighbours(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, ks: Sequence[int], temperature: float
) -> dict[int, np.ndarray]:
    """Predicted labels of ``test`` (M, D) for each k, from one search among ``train`` (N, D) by cosine.

    A k above N is lowered to N. Time O(M N D).
    """
    ks = sorted({min(k, len(train)) for k in ks})
    position, similarity = nearest(test, train, ks[-1])
    return {k: vote(similarity[:, :k], labels[position[:, :k]], temperature) for k in ks}


@dataclass(frozen=True)
class Probed:
    """A linear probe's answer.

    Attributes:
        predicted: int64 (M,), labels of the test rows.
        train_accuracy: share of right answers on train.
        model: the fitted model.
        tried: accuracy on the held-out tenth by penalty.
    """

    predicted: np.ndarray
    train_accuracy: float
    model: linear.Linear
    tried: dict[float, float]


def by_linear(
    train: np.ndarray, labels: np.ndarray, index: np.ndarray, test: np.ndarray, penalties: Sequence[float]
) -> Probed:
    """Fit on ``train`` (N, D) standardised by itself and predict ``test`` (M, D).

    The penalty is chosen on a tenth of train, stratified and fixed by a hash of ``index`` int64 (N,). The rows
    are shuffled, so that a part of them stands for all.
    """
    held_out = draws.tenth(index, labels)
    order = np.random.default_rng(0).permutation(len(labels))
    order = order[np.argsort(held_out[order], kind="stable")]
    standard = linear.Standard.of(train)
    vectors, labels = standard.apply(train, order), labels[order]
    model, tried = linear.fit_path(vectors, labels, len(order) - int(held_out.sum()), penalties)
    right = float((model.predict(vectors) == labels).mean())
    return Probed(model.predict(standard.apply(test)), right, model, tried)
