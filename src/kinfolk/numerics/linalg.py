"""Spectra of features: eigenvalues, effective ranks, power law, principal components."""

from __future__ import annotations

import numpy as np


def spectrum(vectors: np.ndarray) -> np.ndarray:
    """Eigenvalues of the covariance of (N, D), largest first, float64 (D,); the centred Gram matrix is exact.

    Time O(N D^2), memory O(D^2) and one piece of the rows.
    """
    return falling(covariance(vectors)[1])


def falling(covariance: np.ndarray) -> np.ndarray:
    """Eigenvalues of a covariance (D, D), largest first, none below 0."""
    return np.clip(np.linalg.eigvalsh(covariance)[::-1], 0, None)


def covariance(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and covariance (D, D), divided by N, in float64, in pieces of rows.

    The products are float64 too: in float32 the noise of the largest direction would pass for rank.
    """
    mean = vectors.mean(0, dtype=np.float64)
    total = np.zeros((vectors.shape[1],) * 2)
    for start in range(0, len(vectors), 8192):
        piece = vectors[start : start + 8192] - mean
        total += piece.T @ piece
    return mean, total / len(vectors)


def covariances_without(vectors: np.ndarray, group: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """``covariance`` of (N, D) without each of the groups int (N,), in one pass over the rows."""
    parts = [(int((group == g).sum()), *covariance(vectors[group == g])) for g in range(int(group.max()) + 1)]
    first = sum(n * mean for n, mean, _ in parts)
    second = sum(n * (cov + np.outer(mean, mean)) for n, mean, cov in parts)
    found = []
    for n, mean, cov in parts:
        rest = len(vectors) - n
        centre = (first - n * mean) / rest
        square = (second - n * (cov + np.outer(mean, mean))) / rest
        found.append((centre, square - np.outer(centre, centre)))
    return found


def rank_me(vectors: np.ndarray) -> float:
    """RankMe of (N, D), not centred: ``effective_rank`` of its second moments (Garrido et al. 2023, equation 4)."""
    return rank_of(*covariance(vectors))


def rank_of(mean: np.ndarray, covariance: np.ndarray) -> float:
    """RankMe of vectors with mean (D,) and covariance (D, D)."""
    return effective_rank(np.linalg.eigvalsh(covariance + np.outer(mean, mean)))


def effective_rank(eigenvalues: np.ndarray) -> float:
    """exp of the entropy of the shares of the singular values, p_k = s_k / sum s + 1e-7; 1 where all are 0.

    The singular values are the roots of ``eigenvalues`` (D,) (Roy and Vetterli 2007; RankMe's equation 4).
    """
    singular = np.sqrt(np.clip(eigenvalues, 0, None))
    if singular.sum() == 0:
        return 1.0
    p = singular / singular.sum() + 1e-7
    return float(np.exp(-(p * np.log(p)).sum()))


def alpha_req(eigenvalues: np.ndarray) -> float:
    """alpha-ReQ: the exponent of the power law of the eigenvalues, i^-alpha (Agrawal et al. 2022, NeurIPS).

    A least-squares line through the logarithms over all eigenvalues above 1e-7 of the largest; NaN below 3.
    """
    kept = eigenvalues[eigenvalues > 1e-7 * max(eigenvalues[0], 1e-300)]
    if len(kept) < 3:
        return float("nan")
    return float(-np.polyfit(np.log(np.arange(1, len(kept) + 1)), np.log(kept), 1)[0])


def principal(vectors: np.ndarray, dimensions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Principal components of (N, D).

    Returns:
        Mean (D,), axes (D, dimensions) and eigenvalues (dimensions,); an axis's largest entry is positive.
    """
    mean, cov = covariance(vectors)
    if 10 * dimensions < len(cov):
        from scipy.sparse.linalg import eigsh

        values, axes = eigsh(cov, dimensions, v0=np.cos(np.arange(1.0, len(cov) + 1)))
    else:
        values, axes = np.linalg.eigh(cov)
    axes, values = axes[:, ::-1][:, :dimensions], values[::-1][:dimensions]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(0)[None], 0)[0]
    return mean, axes * np.where(largest < 0, -1.0, 1.0), np.clip(values, 0, None)


def project(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """Coordinates of (N, D) along its principal components, float32 (N, dimensions); zeros past D."""
    mean, axes, _ = principal(vectors, dimensions)
    found = ((vectors - mean) @ axes).astype(np.float32)
    return np.pad(found, ((0, 0), (0, dimensions - found.shape[1])))


def unit(vectors: np.ndarray) -> np.ndarray:
    """(N, D) with every row brought to length 1; rows of zeros stay."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine of each row of (N, D) with the same row of the other, float64 (N,); 0 for a row of zeros."""
    norms = np.linalg.norm(first, axis=1).astype(np.float64) * np.linalg.norm(second, axis=1)
    return np.einsum("nd,nd->n", first, second, dtype=np.float64) / np.maximum(norms, 1e-24)


def similarity_moments(vectors: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of the cosine over all pairs of different rows of (N, D), exactly, in O(N D^2)."""
    each, square = similarities_of_each(vectors)
    mean = float(each.mean())
    return mean, float(np.sqrt(max(0.0, square.mean() - mean**2)))


def similarities_of_each(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and mean square of the cosines of each row of (N, D) to all others, float64 (N,), in O(N D^2)."""
    directions = unit(vectors)
    mean, cov = covariance(directions)
    n, own = len(vectors), (directions**2).sum(1, dtype=np.float64)
    square = np.concatenate([
        np.einsum("nd,nd->n", piece @ (cov + np.outer(mean, mean)), piece)
        for piece in np.array_split(directions.astype(np.float64), -(-n // 8192))
    ])
    return (n * (directions @ mean) - own) / (n - 1), (n * square - own**2) / (n - 1)


def ledoit_wolf(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and shrunk covariance (D, D) of (N, D) (Ledoit and Wolf 2004, "well-conditioned", section 3).

    scikit-learn's ``LedoitWolf``, in pieces of rows: it would hold several float64 copies of the features.
    """
    mean, cov = covariance(vectors)
    width = len(mean)
    fourth = sum(
        float((((vectors[start : start + 8192] - mean) ** 2).sum(1) ** 2).sum())
        for start in range(0, len(vectors), 8192)
    )
    scale = np.trace(cov) / width
    square = (cov**2).sum()
    distance = square - width * scale**2
    noise = min(distance, (fourth / len(vectors) - square) / len(vectors))
    shrinkage = noise / distance if distance > 0 else 0.0
    return mean, (1 - shrinkage) * cov + shrinkage * scale * np.eye(width)


def lidar(groups: np.ndarray, ridge: float = 1e-4) -> float:
    """LiDAR: effective rank of between-image over within-image scatter of (n, views, D).

    Thilak et al. 2024 (ICLR), equations 1 to 3: eigenvalues of S_w^-1/2 S_b S_w^-1/2, with ``ridge`` added to
    S_w; exp of the entropy of their shares plus 1e-7.
    """
    centres = groups.mean(1, dtype=np.float64)
    between = covariance(centres)[1]
    spread = (groups - centres[:, None]).reshape(-1, groups.shape[2])
    within = spread.T @ spread / len(spread) + ridge * np.eye(groups.shape[2])
    values, axes = np.linalg.eigh(within)
    whiten = axes / np.sqrt(values)
    return effective_rank(np.clip(np.linalg.eigvalsh(whiten.T @ between @ whiten), 0, None) ** 2)
