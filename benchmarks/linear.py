"""The linear solver against scikit-learn, alternating in one process: `python benchmarks/linear.py`.

Both minimise the same objective on the same standardised features. scikit-learn: `LogisticRegression`, by Newton-CG to
`tol` 1e-5, which converges, and by L-BFGS, its default, to 1e-6, which often stops short. Ours: `fit` from zero, its
eigenbasis included, to its own tolerance and to the gradient at which Newton-CG ended. The gradient's norm at each end
is measured by one function in float64. Probe: what `linear_probe`
does, up to six penalties on nine tenths, then the refit. Features: with a power-law spectrum, and those of a run
(`--run`).
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import features
import numpy as np
import torch
from record import environment, record
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from kinfolk.numerics.linear import Standard, fit
from kinfolk.numerics.probe import by_linear

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
SOLVERS = {"newton-cg": 1e-5, "lbfgs": 1e-6}
TOLERANCE = 1e-5
EQUAL = "to its gradient"


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


def measure(name: str, split: features.Split, penalty: float, rounds: int, iterations: int) -> None:
    """Fit one pair of train and test by all solvers, print and record."""
    labels, truth = (np.unique(found, return_inverse=True)[1] for found in (split.labels, split.truth))
    standard = Standard.of(split.train)
    x, t = standard.apply(split.train), standard.apply(split.test)
    settings = {"C": 1 / (penalty * len(x)), "max_iter": iterations}
    references = {solver: LogisticRegression(solver=solver, tol=tol, **settings) for solver, tol in SOLVERS.items()}
    times: dict[str, list[float]] = {}
    ends: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    reached: dict[str, float] = {}

    def ended(solver: str, began: float, weights: np.ndarray, bias: np.ndarray) -> None:
        times.setdefault(solver, []).append(time.perf_counter() - began)
        ends[solver] = weights.astype(np.float64), bias.astype(np.float64)
        reached[solver] = gradient(x, labels, *ends[solver], penalty)

    for _ in range(rounds):
        for solver, reference in references.items():
            began = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                reference.fit(x, labels)
            ended(solver, began, reference.coef_.T, reference.intercept_)
        for solver, tolerance in (("kinfolk", TOLERANCE), (EQUAL, reached["newton-cg"])):
            began = time.perf_counter()
            model = fit(x, labels, penalty, tolerance=tolerance)
            ended(solver, began, model.weights, model.bias)
    rows = {
        solver: {
            "seconds": statistics.median(times[solver]), "gradient": reached[solver],
            "accuracy": float(((t @ w + b).argmax(1) == truth).mean()),
        }
        for solver, (w, b) in ends.items()
    }
    for solver, reference in references.items():
        rows[solver]["iterations"] = int(reference.n_iter_[0])
    began = time.perf_counter()
    probed = by_linear(split.train, labels, np.arange(len(labels)), split.test, PENALTIES)
    rows["probe"] = {
        "seconds": time.perf_counter() - began, "penalty": probed.model.penalty,
        "gradient": probed.model.gradient, "accuracy": float((probed.predicted == truth).mean()),
    }
    faster = {solver: rows[solver]["seconds"] / rows["kinfolk"]["seconds"] for solver in SOLVERS}
    faster[EQUAL] = rows["newton-cg"]["seconds"] / rows[EQUAL]["seconds"]
    print(f"{name}: {len(x):,} x {x.shape[1]}, {labels.max() + 1} classes, penalty {penalty:g}")
    for solver, row in rows.items():
        beaten = "newton-cg" if solver == EQUAL else "it"
        ratio = f"   kinfolk is {faster[solver]:.1f} times as fast as {beaten}" if solver in faster else ""
        print(
            f"  {solver:{len(EQUAL)}} {row['seconds']:7.1f} s  gradient {row['gradient']:.1e}  "
            f"accuracy {row['accuracy']:.4f}{ratio}"
        )
    record("linear", {
        "features": name, "train": list(x.shape), "classes": int(labels.max() + 1), "penalty": penalty, "rows": rows,
        "times_as_fast": faster, "rounds": rounds, "threads": torch.get_num_threads(), **environment(),
    })


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="runs/first", help="the run whose features are the real ones")
    parser.add_argument("--penalty", type=float, default=1e-4, help="per sample")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=300, help="the most of scikit-learn's")
    arguments = parser.parse_args()
    for name, split in (("power law", features.power_law()), (arguments.run, features.of_run(arguments.run))):
        if split is not None:
            measure(name, split, arguments.penalty, arguments.rounds, arguments.iterations)


if __name__ == "__main__":
    main()
