"""Multinomial logistic regression with an L2 penalty to the converged optimum: preconditioned Newton-CG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kinfolk.numerics.conjugate import conjugate

ROWS = 1024
PRODUCTS = 50
CONSTANT = 1e-6
STRIDE = 8
ROWS_PER_FEATURE = 12
INNER = 12
INNER_REACH = 0.1


@dataclass(frozen=True)
class Standard:
    """Mean and deviation of the features that vary; the others are left out.

    Attributes:
        kept: int64 (K,), the features whose deviation exceeds a millionth of their largest magnitude.
        mean: float32 (K,).
        scale: float32 (K,), the deviations.
    """

    kept: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> Standard:
        """Measure (N, D) in float64."""
        mean = vectors.mean(0, dtype=np.float64)
        square = np.zeros(vectors.shape[1])
        largest = np.zeros(vectors.shape[1])
        for start in range(0, len(vectors), ROWS):
            piece = vectors[start : start + ROWS]
            square += ((piece - mean) ** 2).sum(0)
            largest = np.maximum(largest, np.abs(piece).max(0))
        scale = np.sqrt(square / len(vectors))
        kept = np.flatnonzero(scale > CONSTANT * largest)
        return cls(kept, mean[kept].astype(np.float32), scale[kept].astype(np.float32))

    def apply(self, vectors: np.ndarray, order: np.ndarray | None = None) -> np.ndarray:
        """Standardise (N, D), or its rows in ``order`` int (n,), to float32 (N or n, K)."""
        order = np.arange(len(vectors)) if order is None else order
        out = np.empty((len(order), len(self.kept)), dtype=np.float32)
        for start in range(0, len(order), ROWS):
            piece = vectors[order[start : start + ROWS]].astype(np.float32, copy=False)
            if len(self.kept) < vectors.shape[1]:
                piece = piece[:, self.kept]
            out[start : start + ROWS] = (piece - self.mean) / self.scale
        return out


@dataclass(frozen=True)
class Linear:
    """A fitted classifier over standardised features.

    Attributes:
        classes: int64 (C,), the labels found in training, ascending.
        weights: float32 (D, C).
        bias: float32 (C,).
        loss: the objective at the end: mean cross-entropy + penalty / 2 |weights|^2.
        gradient: Euclidean norm of the objective's gradient at the end.
        iterations: Newton steps.
        products: Hessian products over all rows.
        penalty: the penalty per sample.
    """

    classes: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    loss: float
    gradient: float
    iterations: int
    products: int
    penalty: float

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """(N, D) standardised -> (N, C)."""
        return vectors @ self.weights + self.bias

    def predict(self, vectors: np.ndarray) -> np.ndarray:
        """(N, D) standardised -> labels int64 (N,)."""
        return self.classes[self.logits(vectors).argmax(1)]


def fit(
    vectors: np.ndarray,
    labels: np.ndarray,
    penalty: float,
    *,
    start: Linear | None = None,
    basis: tuple[Tensor, Tensor] | None = None,
    tolerance: float = 1e-5,
    iterations: int = 100,
) -> Linear:
    """Minimise mean cross-entropy + penalty / 2 |W|^2 over weights W and an unpenalised bias.

    The same optimum as scikit-learn's ``LogisticRegression(C=1 / (penalty * N))`` on three or more classes
    (on two, its single weight vector is ours with twice the penalty). Truncated Newton: conjugate gradients
    on Hessian products, preconditioned by the form of Boehning's bound (1992), X'X in its eigenbasis times
    the mean curvature of each class, plus the penalty; where rows are many, by a few iterations of the same on
    every eighth piece of them, which should be no different from the rest. Time O(N D C) for each of some tens
    of products, and O(N D^2 + D^3) once.

    Args:
        vectors: float32 (N, D), standardised.
        labels: int (N,).
        penalty: positive.
        start: an earlier solution over the same features and classes, to go on from.
        basis: ``eigenbasis(vectors)`` if it is known already, or that of a larger set.
        tolerance: the gradient's norm at which to stop.
        iterations: the most Newton steps.
    """
    classes, targets = np.unique(labels, return_inverse=True)
    basis = eigenbasis(vectors) if basis is None else basis
    problem = _Problem(vectors, targets, len(classes), penalty, basis)
    w = torch.zeros(len(classes), vectors.shape[1] + 1)
    if start is not None and np.array_equal(start.classes, classes):
        w[:, :-1], w[:, -1] = torch.from_numpy(start.weights.T), torch.from_numpy(start.bias)
    logits = problem.logits(w)
    loss = problem.loss(logits, w)
    gradient, curvature = problem.gradient(logits, w)
    first = norm = float(gradient.norm())
    steps = products = 0
    while norm > tolerance and steps < iterations:
        reach = min(0.25, (norm / first) ** 0.5) * norm
        direction, used = problem.solve(logits, gradient, curvature, max(reach, 0.5 * tolerance))
        moved = problem.search(logits, w, direction, loss, float((gradient * direction).sum()))
        steps, products = steps + 1, products + used
        if moved is None:
            break
        logits, w, loss = moved
        gradient, curvature = problem.gradient(logits, w)
        norm = float(gradient.norm())
    weights, bias = w[:, :-1].T.contiguous().numpy(), w[:, -1].contiguous().numpy()
    return Linear(classes, weights, bias, loss, norm, steps, products, penalty)


def fit_path(
    vectors: np.ndarray, labels: np.ndarray, fitted: int, penalties: Sequence[float]
) -> tuple[Linear, dict[float, float]]:
    """Choose the penalty on a held-out part of train, then refit on all of it.

    Penalties are tried from the strongest down, each from the last solution; the search ends after two in
    a row that are worse than the best. Equal accuracies go to the stronger penalty.

    Args:
        vectors: float32 (N, D), standardised over all N.
        labels: int (N,).
        fitted: how many of the first rows are fitted; the rest choose.
        penalties: candidates.

    Returns:
        The model refitted on all N, and the held-out accuracy of each penalty tried.
    """
    basis = eigenbasis(vectors)
    tried: dict[float, float] = {}
    model = best = None
    worse = 0
    for penalty in sorted(penalties, reverse=True):
        model = fit(vectors[:fitted], labels[:fitted], penalty, start=model, basis=basis, tolerance=1e-3)
        right = model.predict(vectors[fitted:]) == labels[fitted:]
        tried[penalty] = float(right.mean()) if len(right) else 0.0
        if best is None or tried[penalty] > tried[best.penalty]:
            best, worse = model, 0
        else:
            worse += 1
        if worse == 2:
            break
    assert best is not None
    return fit(vectors, labels, best.penalty, start=best, basis=basis), tried


def eigenbasis(vectors: np.ndarray) -> tuple[Tensor, Tensor]:
    """Eigenvalues (D,) and eigenvectors (D, D) of X'X / N for standardised float32 (N, D)."""
    values, axes = np.linalg.eigh(vectors.T @ vectors / max(1, len(vectors)))
    return torch.from_numpy(values).clamp_min_(0), torch.from_numpy(axes)


class _Problem:
    """The objective over W (C, D + 1), the last column the bias, in pieces of rows.

    Classes come first throughout, logits are a list of (C, rows): the products are several times as fast
    in this layout as in the other while there are few classes.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        targets: np.ndarray,
        classes: int,
        penalty: float,
        basis: tuple[Tensor, Tensor],
    ) -> None:
        self.count, self.classes, self.penalty = len(vectors), classes, penalty
        self.pieces = torch.from_numpy(vectors).split(ROWS)  # type: ignore[no-untyped-call]
        self.targets = torch.from_numpy(targets.astype(np.int64)).split(ROWS)  # type: ignore[no-untyped-call]
        self.values, self.axes = basis

    def logits(self, w: Tensor) -> list[Tensor]:
        """Pieces of (C, N)."""
        return [torch.addmm(w[:, -1:], w[:, :-1], x.T) for x in self.pieces]

    def loss(self, logits: list[Tensor], w: Tensor) -> float:
        """The objective, summed in float64."""
        total = 0.0
        for z, target in zip(logits, self.targets, strict=True):
            own = z.gather(0, target[None])[0]
            total += float((z.logsumexp(0) - own).sum(dtype=torch.float64))
        return total / self.count + self.penalty / 2 * float(w[:, :-1].double().square().sum())

    def gradient(self, logits: list[Tensor], w: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient (C, D + 1) and the mean curvature p (1 - p) of each class (C, 1)."""
        total = torch.zeros(w.shape, dtype=torch.float64)
        curvature = torch.zeros((self.classes, 1), dtype=torch.float64)
        for x, z, target in zip(self.pieces, logits, self.targets, strict=True):
            p = z.softmax(0)
            curvature += (p * (1 - p)).sum(1, keepdim=True)
            p[target, torch.arange(len(x))] -= 1
            total[:, :-1] += p @ x
            total[:, -1] += p.sum(1)
        total /= self.count
        total[:, :-1] += self.penalty * w[:, :-1]
        return total.float(), (curvature / self.count).float()

    def product(self, part: list[tuple[Tensor, Tensor]], v: Tensor) -> Tensor:
        """The Hessian times V (C, D + 1), over pieces of rows (n, D) and their probabilities (C, n)."""
        total = torch.zeros_like(v)
        for x, p in part:
            a = torch.addmm(v[:, -1:], v[:, :-1], x.T)
            a -= (p * a).sum(0)
            a *= p
            total[:, :-1] += a @ x
            total[:, -1] += a.sum(1)
        total /= sum(len(x) for x, _ in part)
        total[:, :-1] += self.penalty * v[:, :-1]
        return total

    def precondition(self, v: Tensor, curvature: Tensor) -> Tensor:
        """(Mean curvature x X'X / N + penalty)^-1 V, among weights that sum to 0 over the classes."""
        out = torch.empty_like(v)
        out[:, :-1] = (v[:, :-1] @ self.axes / (curvature * self.values + self.penalty)) @ self.axes.T
        out[:, -1:] = v[:, -1:] / curvature
        return out - out.mean(0)

    def solve(
        self, logits: list[Tensor], gradient: Tensor, curvature: Tensor, reach: float
    ) -> tuple[Tensor, int]:
        """A Newton direction (C, D + 1) with residual below ``reach``, and the products over all rows it took."""
        curvature = curvature.clamp_min(1e-6)

        def simple(v: Tensor) -> Tensor:
            return self.precondition(v, curvature)

        def thorough(v: Tensor) -> Tensor:
            return conjugate(lambda d: self.product(few, d), simple, v, INNER_REACH * float(v.norm()), INNER)[0]

        rows = [(x, z.softmax(0)) for x, z in zip(self.pieces, logits, strict=True)]
        stride = min(STRIDE, self.count // max(ROWS, ROWS_PER_FEATURE * gradient.shape[1]))
        few = rows[:: max(1, stride)]
        precondition = thorough if stride > 1 else simple
        return conjugate(lambda d: self.product(rows, d), precondition, -gradient, reach, PRODUCTS)

    def search(
        self, logits: list[Tensor], w: Tensor, direction: Tensor, loss: float, slope: float
    ) -> tuple[list[Tensor], Tensor, float] | None:
        """Halve the step until the loss falls enough (Armijo, with room for rounding), or give up."""
        change = self.logits(direction)
        for halvings in range(30):
            t = 0.5**halvings
            moved, z = w + t * direction, [a + t * b for a, b in zip(logits, change, strict=True)]
            after = self.loss(z, moved)
            if after <= loss + 1e-4 * t * slope + 1e-7 * abs(loss):
                return z, moved, after
        return None
