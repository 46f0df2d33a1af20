"""Exact nearest neighbours against the bare product and faiss, alternating in one process: `python benchmarks/knn.py`.

Bare: the fp32 product of queries and bank, 500 queries at a time into one buffer, nothing read; by numpy or by torch,
whichever is the faster here. Ours: `nearest` by cosine, normalisation included. faiss: `IndexFlatIP` on normalised
copies, adding included (where faiss-cpu is installed). Features: normal, and those of a run (`--run`). Agreement: share
of the neighbours that a plain top-k of one product finds too. Memory: the growth of the peak resident size in a fresh
process while `nearest` runs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import features
import numpy as np
import torch
from record import environment, record

from kinfolk.numerics.linalg import unit
from kinfolk.numerics.nearest import nearest

K = 20
PIECE = 500


def growth(bank: np.ndarray, queries: np.ndarray) -> float:
    """Megabytes by which the resident size grows at most during one search (Linux; its peak is reset before)."""
    nearest(queries[:10], bank[:100], 5)
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    nearest(queries, bank, K)
    return peak() - before


def peak() -> float:
    """Peak resident size in megabytes since the last reset."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def timed(run: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def bare(b: np.ndarray, q: np.ndarray) -> Callable[[], object]:
    """The product of queries and bank by the faster library, told by 2,000 queries."""
    out = np.empty((PIECE, len(b)), dtype=np.float32)
    buffer, bank = torch.from_numpy(out), torch.from_numpy(b)

    def by_numpy(rows: np.ndarray = q) -> None:
        for start in range(0, len(rows), PIECE):
            np.matmul(rows[start : start + PIECE], b.T, out=out)

    def by_torch(rows: np.ndarray = q) -> None:
        for start in range(0, len(rows), PIECE):
            torch.mm(torch.from_numpy(rows[start : start + PIECE]), bank.T, out=buffer)

    few = q[: 4 * PIECE]
    first, second = (min(timed(lambda run=run: run(few)) for _ in range(3)) for run in (by_numpy, by_torch))
    print(f"bare product: numpy {first:.2f} s, torch {second:.2f} s for {len(few):,} queries")
    return by_numpy if first <= second else by_torch


def contenders(b: np.ndarray, q: np.ndarray) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    found: dict[str, Callable[[], object]] = {"bare": bare(b, q), "kinfolk": lambda: nearest(q, b, K)}
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


def agreement(b: np.ndarray, q: np.ndarray) -> tuple[float, float]:
    """Share of equal neighbours and largest gap of similarities to a plain top-k, over 2,000 queries."""
    position, similarity = nearest(q[:2000], b, K)
    plain = (torch.from_numpy(unit(q[:2000])) @ torch.from_numpy(unit(b)).T).topk(K)
    same = float((position == plain.indices.numpy()).mean())
    return same, float(np.abs(similarity - plain.values.numpy()).max())


def measure(name: str, b: np.ndarray, q: np.ndarray, rounds: int) -> None:
    """Time the contenders on one pair of bank and queries, print and record."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        memory = pool.apply(growth, (b, q))
    times: dict[str, list[float]] = {}
    runs = contenders(b, q)
    for _ in range(rounds + 1):
        for contender, run in runs.items():
            times.setdefault(contender, []).append(timed(run))
    seconds = {contender: statistics.median(values[1:]) for contender, values in times.items()}
    ratios = {
        contender: statistics.median(v / ours for v, ours in zip(values[1:], times["kinfolk"][1:], strict=True))
        for contender, values in times.items()
    }
    same, gap = agreement(b, q)
    print(f"{name}: {len(b):,} x {b.shape[1]} bank, {len(q):,} queries, k = {K}, {torch.get_num_threads()} threads")
    for contender, value in seconds.items():
        print(f"  {contender:8} {value:7.2f} s   kinfolk is {ratios[contender]:5.2f} times as fast")
    print(f"  equal to a plain top-k {same:.3%}, largest gap {gap:.1e}; peak memory + {memory:.0f} MB")
    record("knn", {
        "features": name, "bank": list(b.shape), "queries": list(q.shape), "k": K, "seconds": seconds,
        "times_the_bare_product": 1 / ratios["bare"], "faster_than_faiss": ratios.get("faiss"), "megabytes": memory,
        "same": same, "largest_gap": gap, "threads": torch.get_num_threads(), "rounds": rounds, **environment(),
    })


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", default="runs/first", help="the run whose features are the real ones")
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    for name, split in (("normal", features.normal()), (arguments.run, features.of_run(arguments.run))):
        if split is not None:
            measure(name, split.train, split.test, arguments.rounds)


if __name__ == "__main__":
    main()
