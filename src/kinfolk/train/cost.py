"""Cost: what a run would take, measured on three steps of it, with nothing written."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch

from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.train.loop import Trainer
from kinfolk.train.prepare import prepare


def cost(recipe: Recipe, progress: Callable[[int, int], None] | None = None) -> list[str]:
    """Parameters, memory, images a second and minutes of training, one line each."""
    material = prepare(recipe, progress)
    recipe, method = material.recipe, material.method
    trainer = Trainer(material, Run(""), (), frozenset())
    method.train()
    seconds = []
    for step in range(4):
        began = time.perf_counter()
        trainer.step(step % trainer.per_epoch, 0)
        if recipe.train.device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    each = statistics.median(seconds[1:])
    parameters = sum(p.numel() for p in method.parameters())
    return [
        f"images      {len(material.images):,} of {material.images.size} px; views of {recipe.views.size} px",
        f"parameters  {parameters:,}",
        f"memory      {peak_bytes(recipe.train.device) / 2**30:.2f} GB at its peak in these steps",
        f"speed       {recipe.train.batch / each:,.0f} images/s ({recipe.train.device}, {recipe.train.precision})",
        f"time        {trainer.total * each / 60:.1f} minutes for {trainer.total:,} steps",
    ]


def peak_bytes(device: str) -> int:
    """Peak memory of this process, or of its GPU."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
