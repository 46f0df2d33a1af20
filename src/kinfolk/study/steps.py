"""Steps: what a worker does for a study: measure the cost of a recipe, find neighbours, train, and evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kinfolk.core import files
from kinfolk.core.lines import embedding, say
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.study.plan import Index


def cost(recipe: Recipe) -> dict[str, Any]:
    """The cost of a recipe, as plain values."""
    from kinfolk.core import device

    device.keep_freed_memory()
    from kinfolk.train.cost import cost as measure

    return asdict(measure(recipe))


def neighbours(run: Path, index: Index) -> None:
    """Make an index from a run, as ``kinfolk neighbours`` does."""
    from kinfolk.evaluate.opened import opened
    from kinfolk.neighbours import check, find

    check(index.file, index.metric, index.k)
    with files.scratch() as folder:
        features = opened(str(run)).on().layer(index.layer, folder, embedding)
        found = find(features, index.k, index.metric)  # type: ignore[arg-type]
    found.save(index.file)


def train(recipe: Recipe, folder: Path, keep: Sequence[int], watch: Sequence[str]) -> None:
    """Train with progress and the watch, or go on where a killed run stopped."""
    from kinfolk.core import device

    device.keep_freed_memory()
    from kinfolk.evaluate.watch import Watch
    from kinfolk.train import train as fit
    from kinfolk.train.progress import Progress

    progress = Progress()
    try:
        fit(recipe, folder, [Watch(watch), progress], keep=keep)
    finally:
        progress.close()


def evaluate(folder: Path, asked: Mapping[str, Any]) -> None:
    """Measure a finished run as the study asks; its findings are in the folder then.

    A supervised variant is measured as a variant, and not once more as the ceiling of those beside it.
    """
    from kinfolk.core import device

    device.keep_freed_memory()
    from kinfolk.evaluate import evaluate as measure
    from kinfolk.evaluate.ceiling import NONE

    measure(Run.at(folder), **asked, ceiling=NONE, say=say)
