"""Cost curves: an epoch at N, 2N, 4N, 8N images, a step at 1, 2, 4, 8 views: `python benchmarks/curves.py`.

Images: whole calls of `train` for an epoch of random 32 px images, opening, validation and saving included. Views:
steps of one batch, after two; one view by `supervised` on random labels, more by `emp_ssl`. Exponent: the slope of the
logarithms, 1 for a cost in proportion.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from random_run import by_hand
from record import environment, record

from kinfolk.core import device
from kinfolk.records.recipe import Recipe
from kinfolk.train import train
from kinfolk.train.cost import took

TIMES = (1, 2, 4, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2048, help="N")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="0: as the recipe chooses")
    arguments = parser.parse_args()
    device.keep_freed_memory()
    more = {"threads": arguments.threads} if arguments.threads else {}
    with tempfile.TemporaryDirectory() as folder:
        place, most = Path(folder) / "random.npz", TIMES[-1] * arguments.count
        random = np.random.default_rng(0)
        np.savez(
            place, images=random.integers(0, 256, (most, 3, 32, 32), dtype=np.uint8),
            labels=random.integers(0, 10, most),
        )
        whole: dict[int, list[float]] = {n * arguments.count: [] for n in TIMES}
        for round_ in range(arguments.rounds):
            for count, seconds in whole.items():
                began = time.perf_counter()
                train(asked(place, "simclr", 2, limit=count, **more), Path(folder) / f"{count}-{round_}")
                seconds.append(time.perf_counter() - began)
        steps: dict[int, list[float]] = {}
        for views in TIMES:
            made = by_hand(asked(place, "emp_ssl" if views > 1 else "supervised", views, batch=64, **more))
            steps[views] = [took(made, step) for step in range(3 * arguments.rounds + 2)][2:]
    rows = {}
    for what, found in (("images, one epoch", whole), ("views, a step of 64 images", steps)):
        medians = {n: statistics.median(values) for n, values in found.items()}
        slope = float(np.polyfit(np.log([*medians]), np.log([*medians.values()]), 1)[0])
        print(what, *(f"{n:,}: {seconds:.2f} s" for n, seconds in medians.items()), f"exponent {slope:.2f}", sep="   ")
        rows[what] = {"seconds": medians, "exponent": slope}
    record("curves", {"rows": rows, "rounds": arguments.rounds, **environment()})


def asked(place: Path, method: str, views: int, limit: int | str = "all", **settings: int) -> Recipe:
    """A recipe of one epoch on the random images."""
    return Recipe.of({
        "data": {"name": str(place), "limit": limit},
        "views": {"count": views},
        "encoder": {"name": "convnet"},
        "method": {"name": method},
        "train": {"epochs": 1, **settings},
    })


if __name__ == "__main__":
    main()
