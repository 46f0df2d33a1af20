"""Features that benchmarks measure on: random ones, and those of a run, brought to 512 dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

WIDTH = 512
SIZES = (50_000, 10_000)


class Split(NamedTuple):
    """Vectors float32 (N, 512) and labels int64 (N,) of train and test."""

    train: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    truth: np.ndarray


def normal() -> Split:
    """50,000 and 10,000 standard normal vectors: no direction counts more than another. The labels are all 0."""
    random = np.random.default_rng(0)
    train, test = (random.normal(size=(size, WIDTH)).astype(np.float32) for size in SIZES)
    return Split(train, np.zeros(SIZES[0], int), test, np.zeros(SIZES[1], int))


def power_law() -> Split:
    """50,000 and 10,000 badly conditioned vectors (deviations 1, 1/2, 1/3, ... before a rotation) of 10 classes."""
    random = np.random.default_rng(0)
    hidden = random.normal(size=(sum(SIZES), WIDTH)) * np.arange(1, WIDTH + 1) ** -1.0
    noise = 0.6 * random.gumbel(size=(sum(SIZES), 10))
    labels = (hidden[:, :40] @ random.normal(size=(40, 10)) + noise).argmax(1)
    vectors = (hidden @ random.normal(size=(WIDTH, WIDTH))).astype(np.float32)
    return Split(vectors[: SIZES[0]], labels[: SIZES[0]], vectors[SIZES[0] :], labels[SIZES[0] :])


def of_run(folder: str) -> Split | None:
    """h of a run on train and test; where it is not 512 wide, a random ReLU map of it is. None if there is no run.

    The map: relu(x W + b) of standardised x, W normal with variance 1 / D, b normal with deviation 0.3.
    """
    if not Path(folder, "recipe.toml").exists():
        print(f"no run at {folder}: real features left out (kinfolk train --data cifar10 --out {folder}, or --run)")
        return None
    from kinfolk.evaluate import subjects
    from kinfolk.load.roles import roles
    from kinfolk.records.run import Run

    run = Run.at(folder)
    images = roles(run.recipe.data, int(run.recipe.evaluate.size), run.recipe.seed)
    subject = subjects.of_run(run, images)
    train, test = subject.get("train").labelled_only(), subject.get("test").labelled_only()
    vectors = [train.vectors, test.vectors]
    width = train.vectors.shape[1]
    if width != WIDTH:
        random = np.random.default_rng(0)
        weights = (random.normal(size=(width, WIDTH)) / np.sqrt(width)).astype(np.float32)
        bias = (0.3 * random.normal(size=WIDTH)).astype(np.float32)
        mean, scale = train.vectors.mean(0), train.vectors.std(0) + 1e-9
        vectors = [np.maximum((v - mean) / scale @ weights + bias, 0) for v in vectors]
    return Split(vectors[0], train.labels, vectors[1], test.labels)
