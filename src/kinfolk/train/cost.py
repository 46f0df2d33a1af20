"""Cost: what a run would take, measured on three steps of it, with nothing written."""

from __future__ import annotations

import statistics
import time

import torch

from kinfolk.records.recipe import Recipe
from kinfolk.train import optim
from kinfolk.train.prepare import prepare


def cost(recipe: Recipe) -> list[str]:
    """Parameters, memory, images a second and minutes of training, one line each."""
    material = prepare(recipe)
    recipe, method, pairs = material.recipe, material.method, material.pairs
    optimizer = optim.optimizer(method, recipe.train)
    seconds = []
    for step in range(4):
        began = time.perf_counter()
        views = pairs.views(pairs.batches.rows(0, 0, step % pairs.batches.steps), (0, 0, step), slice(None))
        loss = method.total(method(views))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if recipe.train.device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    each = statistics.median(seconds[1:])
    rounds = recipe.views.count // 2 if recipe.views.pairing == "turns" else 1
    steps = recipe.train.epochs * pairs.batches.steps * rounds
    parameters = sum(p.numel() for p in method.parameters())
    return [
        f"images      {len(material.images):,} of {material.images.size} px; views of {recipe.views.size} px",
        f"parameters  {parameters:,}",
        f"memory      {peak_bytes(recipe.train.device) / 2**30:.2f} GB at its peak in these steps",
        f"speed       {recipe.train.batch / each:,.0f} images/s ({recipe.train.device}, {recipe.train.precision})",
        f"time        {steps * each / 60:.1f} minutes for {steps:,} steps",
    ]


def peak_bytes(device: str) -> int:
    """Peak memory of this process, or of its GPU."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
