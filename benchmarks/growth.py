"""Evaluations and diagnostics at N and 4 N images, beside the cost they state: `python benchmarks/growth.py`.

Features are random, 48 wide, of ten classes; what needs an encoder is given one that costs next to nothing, so that its
own work shows. Times are medians over the rounds, N and 4 N alternating; what has taken 10 seconds is not repeated. The
order is the logarithm of the growth to base 4: 1 is linear, 2 quadratic in images (test and train both grow).
"""

from __future__ import annotations

import argparse
import ast
import math
import statistics
import time
from functools import partial

import numpy as np
from record import environment, record

from kinfolk.core import registry
from kinfolk.evaluate.alter import as_trained
from kinfolk.records.features import Features
from kinfolk.records.images import Images
from kinfolk.records.recipe import Recipe
from kinfolk.records.subject import Subject

SIDE = 16
RECIPE = Recipe.of({
    "data": {"name": "random"}, "method": {"name": "simclr"}, "encoder": {"name": "convnet"}, "views": {"size": SIDE},
})


def encode(pixels: np.ndarray) -> np.ndarray:
    """The means of small squares: uint8 (n, 3, 16, 16) -> (n, 48)."""
    return pixels.reshape(len(pixels), 3, 4, 4, 4, 4).mean((3, 5)).reshape(len(pixels), -1).astype(np.float32)


def views(pixels: np.ndarray, name: str, strength: float, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Darkened images."""
    factor = 1 - strength * np.random.default_rng(seed).random(len(pixels)) / 2
    return (pixels * factor[:, None, None, None]).astype(np.uint8), {"factor": factor}


def subject(count: int) -> Subject:
    """``count`` training and ``count`` test images, and as many of every other role."""
    random = np.random.default_rng(0)
    images, features = {}, {}
    for role in ("train", "test", "ood_train", "ood_test", "anomalies"):
        labels, numbers, origins = np.arange(count) % 10, np.arange(count), [""] * count
        names = tuple("abcdefghij")
        pixels = random.integers(0, 256, (count, 3, SIDE, SIDE)).astype(np.uint8)
        images[role] = Images(pixels, labels, names, numbers, origins, "random", role, "random")
        vectors = np.eye(10)[labels] @ np.eye(10, 48) + random.normal(size=(count, 48))
        vectors = vectors.astype(np.float32)
        features[role, "h"] = Features(vectors, labels, numbers, origins, names, role, "random", "random")
    return Subject("random", features, images, encode, views, recipe_views=partial(as_trained, RECIPE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="N")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="names, comma-separated")
    arguments = parser.parse_args()
    sizes = (arguments.count, 4 * arguments.count)
    subjects = {size: subject(size) for size in sizes}
    only = [name for name in arguments.only.split(",") if name]
    rows = {}
    for leaf in [*registry.leaves("evaluations").values(), *registry.leaves("diagnostics").values()]:
        if only and leaf.name not in only:
            continue
        if lacking := ", ".join(sorted(leaf.open().needs - subjects[sizes[0]].offers)):
            print(f"{leaf.name:16} left out: it needs {lacking}")
            continue
        measured = registry.build(leaf.kind, leaf.name)
        seconds: dict[int, list[float]] = {size: [] for size in sizes}
        for _ in range(arguments.rounds):
            for size in sizes:
                began = time.perf_counter()
                measured.measure(subjects[size])
                seconds[size].append(time.perf_counter() - began)
            if sum(map(sum, seconds.values())) > 10:
                break
        few, many = (statistics.median(seconds[size]) for size in sizes)
        rows[leaf.name] = {"seconds": [few, many], "growth": many / few, "order": math.log(many / few, 4)}
        stated = (ast.get_docstring(ast.parse(leaf.source.read_text("utf-8"))) or "").split("Cost: ")[-1]
        print(
            f"{leaf.name:16} {few:7.2f} s {many:7.2f} s   x {many / few:5.1f}  "
            f"order {math.log(many / few, 4):4.1f}   {' '.join(stated.split())}",
            flush=True,
        )
    record("growth", {"counts": list(sizes), "rows": rows, "rounds": arguments.rounds, **environment()})


if __name__ == "__main__":
    main()
