"""The neighbour index of 60,000 x 256, seconds and memory by metric: `python benchmarks/neighbours.py [--run RUN]`.

What `kinfolk neighbours` does once features are there: `find` by cosine, dot product and Euclidean distance, k = 20,
every image left out of its own list. Features: normal, and those of a run's training images (`--run`). Seconds: median
over rounds. Memory: the growth of the peak resident size in a fresh process during one search, lists included.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from pathlib import Path
from typing import get_args

import features as real
import numpy as np
import torch
from knn import peak, timed
from record import environment, record

from kinfolk.neighbours import find
from kinfolk.numerics.nearest import Metric
from kinfolk.records.features import Features

K = 20


def embedded(vectors: np.ndarray) -> Features:
    """Vectors as features of images without labels."""
    count = len(vectors)
    return Features(vectors, np.full(count, -1), np.arange(count), [""] * count, (), "train", "made", "made")


def growth(vectors: np.ndarray, metric: Metric) -> float:
    """Megabytes by which the resident size grows at most during one search (Linux; its peak is reset before)."""
    given = embedded(vectors)
    find(given.take(np.arange(100)), 5, metric)
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    find(given, K, metric)
    return peak() - before


def measure(name: str, vectors: np.ndarray, rounds: int) -> None:
    """Time every metric on one matrix, print and record."""
    given = embedded(vectors)
    print(f"{name}: {len(vectors):,} x {vectors.shape[1]}, k = {K}, {torch.get_num_threads()} threads")
    for metric in get_args(Metric):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            memory = pool.apply(growth, (vectors, metric))
        seconds = statistics.median(timed(lambda metric=metric: find(given, K, metric)) for _ in range(rounds))
        print(f"  {metric:9} {seconds:7.2f} s   peak memory + {memory:.0f} MB")
        record("neighbours", {
            "features": name, "shape": list(vectors.shape), "k": K, "metric": metric, "seconds": seconds,
            "megabytes": memory, "threads": torch.get_num_threads(), "rounds": rounds, **environment(),
        })


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="", help="a run whose training features are searched too")
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    measure("normal", random.normal(size=(arguments.images, arguments.width)).astype(np.float32), arguments.rounds)
    split = real.of_run(arguments.run) if arguments.run else None
    if split is not None:
        measure(arguments.run, split.train, arguments.rounds)


if __name__ == "__main__":
    main()
