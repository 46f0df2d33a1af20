"""Ridge regression with its penalty chosen inside the training half, scored on the other half."""

from __future__ import annotations

import numpy as np

PENALTIES = tuple(10.0**p for p in range(-3, 5))


def held_out_r2(vectors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """R2 (T,), at least 0, of each target on the second half of the rows, fitted on the first.

    Features and targets are standardised by the first half; the penalty (over the sum of squares) has the least
    leave-one-out error there, for each target on its own (scikit-learn's ``RidgeCV``).

    Args:
        vectors: (N, D), rows in random order, N at least 4.
        targets: (N, T).
    """
    from sklearn.linear_model import RidgeCV

    half = len(vectors) // 2
    x = _standard(vectors.astype(np.float64), half)
    y = _standard(targets.astype(np.float64), half)
    fitted = RidgeCV(PENALTIES, alpha_per_target=True).fit(x[:half], y[:half]).predict(x[half:])
    fitted = fitted.reshape(len(x) - half, -1)
    total = ((y[half:] - y[half:].mean(0)) ** 2).sum(0)
    return np.clip(1 - ((y[half:] - fitted) ** 2).sum(0) / np.maximum(total, 1e-300), 0, None)


def _standard(values: np.ndarray, half: int) -> np.ndarray:
    deviation = values[:half].std(0)
    return np.where(deviation > 1e-9, (values - values[:half].mean(0)) / np.maximum(deviation, 1e-9), 0.0)
