"""Small networks after equal seconds of training: `python benchmarks/networks.py --data CIFAR10`.

SimCLR (batch 256, two views of 24 px, AdamW 0.002, cosine) on the first images of the training split, judged by
k-NN and linear probe on the last 5,000 of it; the test split is never opened. How many steps a network gets is what
it does in the seconds, as `kinfolk train --dry-run` foresees; the seconds that it then took stand beside. One seed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from random_run import by_hand
from record import environment, record
from scored import scored
from tune import split

from kinfolk.core import device
from kinfolk.records.recipe import Recipe
from kinfolk.train.cost import cost

NETWORKS: tuple[dict[str, Any], ...] = (
    {"channels": [32, 64, 128]},
    {"channels": [40, 80, 160]},
    {"channels": [48, 96, 192]},
    {"channels": [64, 128, 256]},
    {"channels": [32, 64, 128, 256]},
    {"channels": [64, 128, 256], "stem": "stride4"},
    {"channels": [40, 80, 160], "pooled": "all"},
    {"channels": [64, 128, 256], "pooled": "all"},
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="CIFAR-10, with a training split of 50,000")
    parser.add_argument("--seconds", type=float, default=60, help="of training")
    parser.add_argument("--threads", type=int, default=device.threads("auto"))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    device.keep_freed_memory()
    with tempfile.TemporaryDirectory() as scratch:
        part = str(split(arguments.data, Path(scratch)))
        for settings in NETWORKS:
            recipe = asked(part, settings, arguments.seed, arguments.threads)
            steps, trainer = int(arguments.seconds / cost(recipe).seconds), by_hand(recipe)
            trainer.total, began = steps, time.perf_counter()
            for step in range(steps):
                trainer.step(step, step // trainer.per_epoch)
            taken = time.perf_counter() - began
            scores = scored(trainer.method.encoder, "convnet", settings, part)
            images = steps * recipe.train.batch
            name = "-".join(map(str, settings["channels"]))
            name += "".join(f", {key} {value}" for key, value in settings.items() if key != "channels")
            found = "  ".join(f"{k} {v:.3f}" for k, v in scores.items())
            print(f"{name:<28} {images:8,} images {taken:5.0f} s  {found}", flush=True)
            row = {**vars(arguments), "encoder": settings, "taken": taken, "images": images, **scores}
            record("networks", {**row, **environment()})


def asked(data: str, settings: dict[str, Any], seed: int, threads: int) -> Recipe:
    """SimCLR with one network."""
    return Recipe.of({
        "seed": seed, "data": {"name": data}, "encoder": {"name": "convnet", **settings}, "method": {"name": "simclr"},
        "train": {"batch": 256, "lr": 0.002, "epochs": 1, "threads": threads},
    })


if __name__ == "__main__":
    main()
