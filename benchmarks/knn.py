"""Exact nearest neighbours against the bare product and faiss, alternating in one process: `python benchmarks/knn.py`.

Bare: the fp32 product of queries and bank, 1,000 queries at a time into one buffer, nothing read. Ours: `nearest` by
cosine, normalisation included. faiss: `IndexFlatIP` on normalised copies, adding included (where faiss-cpu is
installed). Random features are normal; real ones are two files written by `kinfolk embed` (`--bank`, `--queries`).
Memory: the growth of the peak resident size in a fresh process while `nearest` runs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from record import environment, record

from kinfolk.numerics.linalg import unit
from kinfolk.numerics.nearest import nearest
from kinfolk.records.features import Features

K = 20
PIECE = 1000


def features(bank: str, queries: str) -> tuple[np.ndarray, np.ndarray]:
    """The bank and the queries: from files, or random 50,000 and 10,000 x 512."""
    if bank:
        return Features.load(Path(bank)).vectors, Features.load(Path(queries)).vectors
    random = np.random.default_rng(0)
    return random.normal(size=(50_000, 512)).astype(np.float32), random.normal(size=(10_000, 512)).astype(np.float32)


def growth(bank: str, queries: str) -> float:
    """Megabytes by which the peak resident size grows during one search."""
    b, q = features(bank, queries)
    nearest(q[:10], b[:100], 5)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    nearest(q, b, K)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def contenders(b: np.ndarray, q: np.ndarray) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    bank, queries, out = torch.from_numpy(b), torch.from_numpy(q), torch.empty(PIECE, len(b))

    def bare() -> None:
        for piece in queries.split(PIECE):
            torch.mm(piece, bank.T, out=out[: len(piece)])

    found: dict[str, Callable[[], object]] = {"bare": bare, "kinfolk": lambda: nearest(q, b, K)}
    try:
        import faiss
    except ImportError:
        print("faiss-cpu is not installed: left out")
        return found
    faiss.omp_set_num_threads(torch.get_num_threads())

    def flat() -> object:
        index = faiss.IndexFlatIP(b.shape[1])
        index.add(unit(b))
        return index.search(unit(q), K)

    return {**found, "faiss": flat}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", default="", help="features file")
    parser.add_argument("--queries", default="", help="features file")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    b, q = features(arguments.bank, arguments.queries)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        memory = pool.apply(growth, (arguments.bank, arguments.queries))
    times: dict[str, list[float]] = {}
    runs = contenders(b, q)
    for _ in range(arguments.rounds + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            times.setdefault(name, []).append(time.perf_counter() - began)
    seconds = {name: statistics.median(values[1:]) for name, values in times.items()}
    ratios = {
        name: statistics.median(v / ours for v, ours in zip(values[1:], times["kinfolk"][1:], strict=True))
        for name, values in times.items()
    }
    some = torch.from_numpy(unit(q[:PIECE])) @ torch.from_numpy(unit(b)).T
    exact = some.topk(K).values.numpy()
    gap = float(np.abs(nearest(q[:PIECE], b, K)[1] - exact).max())
    print(f"{len(b):,} x {b.shape[1]} bank, {len(q):,} queries, k = {K}, {torch.get_num_threads()} threads")
    for name, value in seconds.items():
        print(f"{name:8} {value:7.2f} s   {1 / ratios[name]:5.2f} x as long for kinfolk")
    print(f"largest gap to the similarities of a plain top-k {gap:.1e}; peak memory + {memory:.0f} MB")
    record("knn", {
        "bank": list(b.shape), "queries": list(q.shape), "k": K, "real": bool(arguments.bank), "seconds": seconds,
        "times_the_bare_product": 1 / ratios["bare"], "faster_than_faiss": ratios.get("faiss"), "megabytes": memory,
        "largest_gap": gap, "threads": torch.get_num_threads(), "rounds": arguments.rounds, **environment(),
    })


if __name__ == "__main__":
    main()
