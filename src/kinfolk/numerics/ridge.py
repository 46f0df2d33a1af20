"""Ridge regression with its penalty chosen on the rows it is fitted to, judged on others."""

from __future__ import annotations

import numpy as np

from kinfolk.numerics import stats

PENALTIES = tuple(10.0**p for p in range(-3, 5))


def predicted(vectors: np.ndarray, targets: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Targets (M, T) of ``others`` (M, D), by a regression fitted to ``vectors`` (N, D) and ``targets`` (N, T).

    Features and targets are standardised by the rows that are fitted; the penalty (over the sum of squares) has the
    least leave-one-out error there, for each target on its own (scikit-learn's ``RidgeCV``).
    """
    from sklearn.linear_model import RidgeCV

    x, y = vectors.astype(np.float64), targets.astype(np.float64)
    mean, deviation = y.mean(0), y.std(0)
    moved, fitted = (_standard(part, x) for part in (others.astype(np.float64), x))
    model = RidgeCV(PENALTIES, alpha_per_target=True).fit(fitted, _standard(y, y))
    found: np.ndarray = model.predict(moved).reshape(len(others), -1) * deviation + mean
    return found


def r2(found: np.ndarray, wanted: np.ndarray) -> tuple[float, float, float]:
    """R2 of predictions (M, T) of one thing, the T columns taken together, with its bootstrap interval over rows."""
    error = ((found - wanted) ** 2).sum(1) / max(float(wanted.var(0).sum()), 1e-12)
    low, high = stats.bootstrap_mean(error)
    return 1 - float(error.mean()), 1 - high, 1 - low


def held_out_r2(vectors: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, tuple[float | None, float | None]]:
    """R2 (T,), at least 0, of each target on the second half of the rows, fitted on the first; their mean's interval.

    See ``predicted``. The interval is the jackknife's over the second half; none for fewer than 20 rows in it.

    Args:
        vectors: (N, D), rows in random order, N at least 4.
        targets: (N, T).
    """
    half = len(vectors) // 2
    found, wanted = predicted(vectors[:half], targets[:half], vectors[half:]), targets[half:].astype(np.float64)
    each, group = _r2(found, wanted), stats.groups(np.arange(len(wanted)))
    if len(wanted) < 2 * stats.GROUPS:
        return each, (None, None)
    return each, stats.jackknife(
        float(each.mean()), lambda g: float(_r2(found[group != g], wanted[group != g]).mean())
    )


def _r2(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    total = ((wanted - wanted.mean(0)) ** 2).sum(0)
    return np.clip(1 - ((wanted - found) ** 2).sum(0) / np.maximum(total, 1e-300), 0, None)


def _standard(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """``values`` in deviations of ``by`` from its mean; 0 where ``by`` does not vary."""
    deviation = by.std(0)
    return np.where(deviation > 1e-9, (values - by.mean(0)) / np.maximum(deviation, 1e-9), 0.0)
