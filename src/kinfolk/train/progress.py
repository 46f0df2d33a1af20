"""Progress: how far a run is, its terms, its speed and what the watch sees; plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

from kinfolk.core import registry
from kinfolk.core.lines import duration, say
from kinfolk.records.recipe import NO_ENCODER
from kinfolk.records.run import Run
from kinfolk.train.prepare import Material

SHOWN = 5
"""Class names that are told."""


class Progress:
    """A listener that reports on stderr."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.bar: Any = None

    def prepared(self, material: Material) -> None:
        """Nothing to say yet."""

    def started(self, material: Material, run: Run, steps: int, done: int) -> None:
        """Say what is trained, and open the bar."""
        recipe = material.recipe
        parameters = sum(p.numel() for p in material.method.parameters())
        self.epochs, self.steps, self.first, self.began = recipe.train.epochs, steps, done, time.monotonic()
        images, settings = material.images, recipe.train
        encoder = "" if recipe.encoder.name == NO_ENCODER else f" with {recipe.encoder.name}"
        say(
            f"{recipe.method.name}{encoder} on {len(images):,} images of {images.name} "
            f"({images.split}, {images.size} px), {parameters / 1e6:.2f} M parameters, "
            f"{settings.device} {settings.precision}, {settings.threads} threads -> {run.folder}"
        )
        for remark in images.remarks:
            say(remark)
        if images.labelled and recipe.data.name not in registry.leaves("datasets"):
            trained = "labels" in material.method.uses | material.pairs.positives.uses
            purpose = "in training" if trained else "only to measure"
            more = f" and {len(images.classes) - SHOWN} more" if len(images.classes) > SHOWN else ""
            say(f"labels, used {purpose}: {', '.join(images.classes[:SHOWN])}{more}")
        if material.pairs.positives.note:
            say(f"positives: {material.pairs.positives.note}")
        epoch = min(done // (steps // self.epochs) + 1, self.epochs)
        if done:
            say(f"going on in epoch {epoch} of {self.epochs}, at step {done:,} of {steps:,}")
        if self.live:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self.bar = Bar(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"),
                TimeRemainingColumn(), console=Console(stderr=True),
            )
            self.bar.start()
            self.task = self.bar.add_task(f"epoch {epoch}/{self.epochs}", total=steps, completed=done)

    def stepped(self, row: dict[str, Any], images_per_second: float) -> None:
        """Move the bar."""
        self.speed = images_per_second
        if self.bar:
            text = f"epoch {row['epoch']}/{self.epochs}  {terms(row)}  {images_per_second:,.0f} images/s"
            self.bar.update(self.task, completed=row["step"], description=text)

    def epoch_ended(self, epoch: int, method: Any, row: dict[str, Any]) -> dict[str, Any]:
        """Print the epoch's line."""
        spent = time.monotonic() - self.began
        left = spent / max(row["step"] - self.first, 1) * (self.steps - row["step"])
        parts = [f"epoch {epoch}/{self.epochs}"]
        parts += [f"{split}: {terms({**values, 'terms': values})}" for split, values in row["validation"].items()]
        parts += [f"{k} {v}" if k != "alarm" else v for k, v in watched(row).items()]
        parts += [f"{self.speed:,.0f} images/s", f"{duration(left)} left" if left else f"took {duration(spent)}"]
        if self.bar:
            self.bar.console.print("  ".join(parts), highlight=False)
        else:
            say("  ".join(parts))
        return {}

    def ended(self, run: Run) -> None:
        """Say where the run is."""
        self.close()
        say(f"finished: {run.folder}")

    def close(self) -> None:
        """Close the bar, however the run ended."""
        if self.bar:
            self.bar.stop()
            self.bar = None


def terms(row: dict[str, Any]) -> str:
    """``total 4.31 (attraction 1.2, repulsion 3.1)``."""
    each = ", ".join(f"{k} {v:.3f}" for k, v in row["terms"].items() if k != "total")
    return f"total {row['total']:.3f} ({each})"


def watched(row: dict[str, Any]) -> dict[str, str]:
    """What was watched, in short: a distribution by its mean and deviation."""
    seen = row.get("watch", {})
    return {
        k: v if isinstance(v, str) else f"{v:.3g}" if isinstance(v, float) else f"{v['mean']:.3g} ± {v['std']:.2g}"
        for k, v in seen.items()
    }
