"""Low-dimensional embeddings of vectors (PCA, t-SNE, Laplacian eigenmaps, UMAP) and measures of them."""

from __future__ import annotations

import numpy as np

from kinfolk.numerics import linalg
from kinfolk.numerics.nearest import nearest

METHODS = ("pca", "tsne", "laplacian", "umap")


def project(method: str, vectors: np.ndarray) -> np.ndarray:
    """Map (N, D) to float32 (N, 2) by one of ``METHODS``, the same each time.

    Raises:
        ValueError: an unknown method.
        ImportError: ``umap`` without the package umap-learn.
    """
    if method not in METHODS:
        raise ValueError(f"unknown map '{method}'; known: {', '.join(METHODS)}")
    if method == "pca":
        return linalg.project(vectors, 2)
    if method == "laplacian":
        return eigenmaps(vectors, 2)
    reduced = linalg.project(vectors, min(50, vectors.shape[1]))
    if method == "umap":
        from umap import UMAP

        return np.asarray(UMAP(random_state=0, n_jobs=1).fit_transform(reduced), dtype=np.float32)
    from sklearn.manifold import TSNE

    start = linalg.project(vectors, 2)
    start *= 1e-4 / max(float(start[:, 0].std()), 1e-12)
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    return TSNE(perplexity=perplexity, init=start, random_state=0).fit_transform(reduced).astype(np.float32)


def eigenmaps(vectors: np.ndarray, dimensions: int, k: int = 15) -> np.ndarray:
    """Laplacian eigenmaps: float32 (N, dimensions), zeros past what N allows.

    Belkin and Niyogi 2003, section 2: graph of the k nearest by Euclidean distance, symmetrised (either way),
    weights 1, normalised Laplacian D^-1/2 (D - W) D^-1/2, the eigenvector of eigenvalue 0 dropped, the others
    divided by the root of the degree (the generalised problem's solutions) and scaled to unit deviation.
    """
    from scipy import sparse
    from scipy.sparse.linalg import eigsh

    n, k = len(vectors), min(k, len(vectors) - 1)
    found, _ = nearest(vectors, vectors, k, metric="euclidean", exclude=np.arange(n))
    rows = np.repeat(np.arange(n), k)
    graph = sparse.csr_matrix((np.ones(n * k), (rows, found.ravel())), shape=(n, n))
    graph = graph.maximum(graph.T)
    root = np.sqrt(np.asarray(graph.sum(1)).ravel())
    scaled = sparse.diags(1 / root) @ graph @ sparse.diags(1 / root)
    count = min(dimensions + 1, n)
    if count >= n - 1 or n <= 200:
        values, axes = np.linalg.eigh(scaled.toarray())
    else:
        start = np.cos(np.arange(1, n + 1, dtype=np.float64))
        values, axes = eigsh(scaled + sparse.identity(n), count, which="LA", v0=start, tol=1e-6)
    order = np.argsort(-values, kind="stable")[1:count]
    coordinates = axes[:, order] / root[:, None]
    signs = np.sign(np.take_along_axis(coordinates, np.abs(coordinates).argmax(0)[None], 0))
    coordinates = coordinates * signs / np.maximum(coordinates.std(0), 1e-12)
    return np.pad(coordinates, ((0, 0), (0, dimensions - coordinates.shape[1]))).astype(np.float32)


def trust(vectors: np.ndarray, xy: np.ndarray, k: int) -> float:
    """Trustworthiness of a map at ``k`` neighbours by Euclidean distance (scikit-learn's), 1 is best."""
    from sklearn.manifold import trustworthiness

    return float(trustworthiness(vectors, xy, n_neighbors=k))


def accuracy(xy: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Share of points whose class is the most frequent of its k nearest others on the map."""
    found, _ = nearest(xy, xy, k, metric="euclidean", exclude=np.arange(len(xy)))
    classes, place = np.unique(labels, return_inverse=True)
    cells = np.arange(len(xy))[:, None] * len(classes) + place[found]
    votes = np.bincount(cells.ravel(), minlength=len(xy) * len(classes)).reshape(len(xy), -1)
    return float((votes.argmax(1) == place).mean())
