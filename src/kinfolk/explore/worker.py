"""Worker: the long computations of the explorer, in a process of its own with low priority.

The paths of jobs, JSON files written by `desk`, come in on standard input, one a line. How much is done and how it
ended is printed, a line at a time. The process ends when its input does, and with it the server that asked.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

K, FAR = 20, 10
CHUNK = 10_000
FITTED = 10_000
TEMPERATURE = 0.1
IDLE = 60.0


def lists(job: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Neighbours of every image within its split, how often each occurs in them, and what the training images say.

    ``nearest`` (N, k) and ``farthest`` (N, k): rows of the split itself; ``similarity`` (N, k) of the nearest;
    ``occurrence_nearest``, ``occurrence_farthest`` (N,): in how many lists an image is; ``anomaly`` (N,): 1 less the
    mean cosine with the 20 nearest training images; ``prediction`` (N,): the class that these vote for, where there
    are labels; ``cluster`` (N,): the nearest of the centres that k-means finds in the training images.
    """
    from kinfolk.numerics.nearest import nearest
    from kinfolk.numerics.probe import vote
    from kinfolk.numerics.ranking import occurrence

    own, bank = (np.load(job[name], mmap_mode="r", allow_pickle=False) for name in ("vectors", "bank"))
    apart, n = job["vectors"] != job["bank"], len(own)
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, n, CHUNK):
        queries, number = own[start : start + CHUNK], np.arange(start, min(start + CHUNK, n))
        near, similarity = nearest(queries, own, min(K, n - 1), exclude=number)
        far, _ = nearest(queries, own, min(FAR, n - 1), exclude=number, farthest=True)
        trained, likeness = nearest(queries, bank, min(K, len(bank))) if apart else (near, similarity)
        rows = {"nearest": near, "similarity": similarity, "farthest": far, "anomaly": 1 - likeness.mean(1)}
        labels = arrays["labels"][trained]
        if (arrays["labels"] >= 0).all():
            rows["prediction"] = vote(likeness, labels, TEMPERATURE)
        for name, values in rows.items():
            found.setdefault(name, []).append(values.astype(np.float32 if values.dtype.kind == "f" else np.int32))
        tell(0.95 * min(start + CHUNK, n) / n)
    joined = {name: np.concatenate(values) for name, values in found.items()}
    ten = min(FAR, n - 1)
    joined["occurrence_nearest"] = occurrence(joined["nearest"][:, :ten], n).astype(np.int32)
    joined["occurrence_farthest"] = occurrence(joined["farthest"], n).astype(np.int32)
    joined["cluster"] = clusters(own, bank, arrays["bank_index"], int(job["clusters"]))
    return joined


def clusters(own: np.ndarray, bank: np.ndarray, index: np.ndarray, count: int) -> np.ndarray:
    """The cluster of each row, int32 (N,): k-means on directions of at most 10,000 training images, three starts."""
    from sklearn.cluster import KMeans

    from kinfolk.numerics import draws, linalg

    fitted = linalg.unit(bank[draws.subset(index, FITTED)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = KMeans(min(count, len(fitted)), n_init=3, random_state=0).fit(fitted)
    pieces = [model.predict(linalg.unit(own[i : i + CHUNK])) for i in range(0, len(own), CHUNK)]
    found: np.ndarray = np.concatenate(pieces).astype(np.int32)
    return found


def mapped(job: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A map of some images: ``rows`` (n,) and ``xy`` (n, 2)."""
    from kinfolk.numerics import draws, embedding

    vectors = np.load(job["vectors"], mmap_mode="r", allow_pickle=False)
    rows = draws.subset(arrays["index"], int(job["images"]))
    return {"rows": rows.astype(np.int32), "xy": embedding.project(job["method"], np.asarray(vectors[rows]))}


JOBS = {"lists": lists, "map": mapped}


def tell(word: object) -> None:
    """One line to the server: a share of what is done, ``ready``, or ``failed`` and why."""
    print(str(word).replace("\n", " "), flush=True)


def do(place: Path) -> None:
    """Do one job and write its arrays, whole or not at all."""
    from safetensors.numpy import load_file, save_file

    from kinfolk.core import files

    job = json.loads(place.read_text("utf-8"))
    found = JOBS[job["kind"]](job, load_file(job["arrays"]))
    with files.replacing(Path(job["out"])) as partial:
        save_file({name: np.ascontiguousarray(values) for name, values in found.items()}, partial)


def listen(jobs: queue.Queue[Path]) -> None:
    """Take jobs in as they come; leave at once when the server is gone."""
    for line in sys.stdin:
        jobs.put(Path(line.rstrip("\n")))
    os._exit(0)


def main() -> None:
    """Do jobs in their order until none has come for a minute."""
    if hasattr(os, "nice"):
        os.nice(5)
    jobs: queue.Queue[Path] = queue.Queue()
    threading.Thread(target=listen, args=(jobs,), daemon=True).start()
    while True:
        try:
            place = jobs.get(timeout=IDLE)
        except queue.Empty:
            return
        try:
            do(place)
            tell("ready")
        except Exception as error:  # whatever it is, the server has to hear of it
            tell(f"failed {error or type(error).__name__}")


if __name__ == "__main__":
    main()
