"""The linear solver against scikit-learn, alternating in one process: `python benchmarks/linear.py`.

Both minimise the same objective on the same standardised features. scikit-learn: `LogisticRegression` (L-BFGS, its
default tolerance, at most `--iterations`). Ours: `fit` from zero, its eigenbasis included. The gradient's norm at each
end is measured by one function in float64. `--path` is what `linear_probe` does: six penalties on nine tenths, then
the refit. Random features have a power-law spectrum; real ones are two files written by `kinfolk embed`.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from record import environment, record
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from kinfolk.numerics.linear import Standard, fit
from kinfolk.numerics.probe import by_linear
from kinfolk.records.features import Features

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def features(train: str, test: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vectors and labels of train and test: from files, or random 50,000 and 10,000 x 512 of 10 classes."""
    if train:
        a, b = Features.load(Path(train)), Features.load(Path(test))
        return a.vectors, a.labels, b.vectors, b.labels
    random = np.random.default_rng(0)
    hidden = random.normal(size=(60_000, 512)) * np.arange(1, 513) ** -1.0
    labels = (hidden[:, :40] @ random.normal(size=(40, 10)) + 0.6 * random.gumbel(size=(60_000, 10))).argmax(1)
    vectors = (hidden @ random.normal(size=(512, 512))).astype(np.float32)
    return vectors[:50_000], labels[:50_000], vectors[50_000:], labels[50_000:]


def gradient(x: np.ndarray, y: np.ndarray, weights: np.ndarray, bias: np.ndarray, penalty: float) -> float:
    """Norm of the gradient of the mean objective in float64; weights (D, C)."""
    total, totals = np.zeros(weights.shape), np.zeros(len(bias))
    for start in range(0, len(x), 5000):
        piece = x[start : start + 5000].astype(np.float64)
        p = torch.from_numpy(piece @ weights + bias).softmax(1).numpy()
        p[np.arange(len(p)), y[start : start + 5000]] -= 1
        total += piece.T @ p
        totals += p.sum(0)
    return float(np.sqrt((((total / len(x)) + penalty * weights) ** 2).sum() + ((totals / len(x)) ** 2).sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", default="", help="features file")
    parser.add_argument("--test", default="", help="features file")
    parser.add_argument("--penalty", type=float, default=1e-4, help="per sample")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=1000, help="of scikit-learn's L-BFGS")
    parser.add_argument("--path", action="store_true", help="time the whole probe as well")
    arguments = parser.parse_args()
    vectors, labels, queries, truth = features(arguments.train, arguments.test)
    labels = np.unique(labels, return_inverse=True)[1]
    truth = np.unique(truth, return_inverse=True)[1]
    standard = Standard.of(vectors)
    x, t = standard.apply(vectors), standard.apply(queries)
    reference = LogisticRegression(C=1 / (arguments.penalty * len(x)), max_iter=arguments.iterations)
    times: dict[str, list[float]] = {"kinfolk": [], "scikit-learn": []}
    for _ in range(arguments.rounds):
        began = time.perf_counter()
        model = fit(x, labels, arguments.penalty)
        times["kinfolk"].append(time.perf_counter() - began)
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            reference.fit(x, labels)
        times["scikit-learn"].append(time.perf_counter() - began)
    seconds = {name: statistics.median(values) for name, values in times.items()}
    ends = {"kinfolk": (model.weights, model.bias), "scikit-learn": (reference.coef_.T, reference.intercept_)}
    rows = {
        name: {
            "seconds": seconds[name],
            "gradient": gradient(x, labels, w.astype(np.float64), b.astype(np.float64), arguments.penalty),
            "accuracy": float(((t @ w + b).argmax(1) == truth).mean()),
        }
        for name, (w, b) in ends.items()
    }
    rows["kinfolk"] |= {"newton_steps": model.iterations, "products": model.products}
    rows["scikit-learn"] |= {"iterations": int(reference.n_iter_[0])}
    if arguments.path:
        began = time.perf_counter()
        probed = by_linear(vectors, labels, np.arange(len(labels)), queries, PENALTIES)
        rows["probe"] = {
            "seconds": time.perf_counter() - began, "penalty": probed.model.penalty,
            "gradient": probed.model.gradient, "accuracy": float((probed.predicted == truth).mean()),
        }
    print(f"{len(x):,} x {x.shape[1]}, {labels.max() + 1} classes, penalty {arguments.penalty:g}")
    for name, row in rows.items():
        print(f"{name:12} {row['seconds']:7.1f} s  gradient {row['gradient']:.1e}  accuracy {row['accuracy']:.4f}")
    record("linear", {
        "train": list(x.shape), "classes": int(labels.max() + 1), "penalty": arguments.penalty,
        "real": bool(arguments.train), "rows": rows, "rounds": arguments.rounds,
        "times_as_fast": seconds["scikit-learn"] / seconds["kinfolk"], "threads": torch.get_num_threads(),
        **environment(),
    })


if __name__ == "__main__":
    main()
