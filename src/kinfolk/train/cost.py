"""Cost: what a run would take, measured on up to three steps of each size of its crops, with nothing written."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from kinfolk.core.lines import duration
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.train import sizes
from kinfolk.train.loop import Trainer
from kinfolk.train.prepare import prepare

ENOUGH = 5.0
"""Seconds of measured steps after which no further one begins."""


@dataclass(frozen=True)
class Cost:
    """What a run takes.

    Attributes:
        images: training images; size: their side in pixels; view: that of the views.
        parameters: of encoder and heads.
        memory: bytes at the peak of the measured steps.
        seconds: of one step; the mean over the sizes of growing crops.
        epoch: steps of an epoch; steps: of the whole run.
        batch: images in a step; views: of each of them in a step.
    """

    images: int
    size: int
    view: int
    parameters: int
    memory: int
    seconds: float
    epoch: int
    steps: int
    batch: int
    views: int
    device: str
    precision: str

    def lines(self) -> list[str]:
        """Parameters, memory, images a second and the time of training, one line each."""
        return [
            f"images      {self.images:,} of {self.size} px; views of {self.view} px",
            f"parameters  {self.parameters:,}",
            f"memory      {self.memory / 2**30:.2f} GB at its peak in these steps",
            f"speed       {self.batch / self.seconds:,.0f} images/s ({self.device}, {self.precision})",
            f"time        {duration(self.steps * self.seconds)}: {self.steps:,} x {self.seconds:.2g} s a step",
        ]


def cost(recipe: Recipe) -> Cost:
    """Measure up to three steps after a first one, and as many of each further size of crops; nothing is written.

    Raises:
        RequestError: the recipe cannot be carried out here.
    """
    material = prepare(recipe)
    recipe, objective = material.recipe, material.objective
    trainer = Trainer(material, Run(""), (), frozenset())
    objective.train()
    took(trainer, 0)
    sides = sizes.sides(recipe.views)
    begun = [-(-trainer.total * i // len(sides)) for i in range(len(sides))]
    seconds = [steady(trainer, step) for step in begun]
    return Cost(
        images=len(material.images),
        size=material.images.size,
        view=int(recipe.views.size),
        parameters=sum(p.numel() for p in objective.parameters()),
        memory=peak_bytes(recipe.train.device),
        seconds=statistics.mean(seconds),
        epoch=trainer.per_epoch,
        steps=trainer.total,
        batch=int(recipe.train.batch),
        views=material.pairs.count,
        device=recipe.train.device,
        precision=recipe.train.precision,
    )


def steady(trainer: Trainer, step: int) -> float:
    """The median seconds of three steps from ``step`` on, or of as many as begin within ``ENOUGH`` seconds."""
    found = [took(trainer, step)]
    while len(found) < 3 and sum(found) < ENOUGH:
        found.append(took(trainer, step + len(found)))
    return statistics.median(found)


def took(trainer: Trainer, step: int) -> float:
    """Seconds of one step of a run; past its end, of its last one."""
    step = min(step, trainer.total - 1)
    began = time.perf_counter()
    trainer.step(step, step // trainer.per_epoch)
    if trainer.recipe.train.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def peak_bytes(device: str) -> int:
    """Peak memory of this process, or of its GPU.

    Linux is asked for the peak since the program started: ``ru_maxrss`` begins with that of its parent process.
    """
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.exists():
        peaks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if peaks:
            return int(peaks[0]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
