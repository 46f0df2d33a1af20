"""The loop: from batches to views to terms to a step, for any method; it logs, checkpoints and resumes to the bit."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import time
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from kinfolk.core import distributed, files
from kinfolk.core.errors import WorkError
from kinfolk.load.sources import opened_once
from kinfolk.methods import Method
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.train import checkpoint, optim, sizes
from kinfolk.train.folder import environment, name_changed, open_folder, settled
from kinfolk.train.objective import Scalars
from kinfolk.train.prepare import Material, distribute, prepare
from kinfolk.train.validate import Validation

LOG_EVERY = 10
CHECKPOINT_SECONDS = 60.0
DONE = ".finished"


class Listener(Protocol):
    """What may follow a run without changing it: progress, watchers. Values returned are logged under ``watch``."""

    def prepared(self, material: Material) -> None:
        """Images and networks are ready and nothing is written yet: a RequestError refuses the run."""

    def started(self, material: Material, run: Run, steps: int, done: int) -> None:
        """Training begins or goes on: ``steps`` in all, ``done`` of them already."""

    def stepped(self, row: dict[str, Any], images_per_second: float) -> None:
        """A row of the log was written."""

    def epoch_ended(self, epoch: int, method: Method, row: dict[str, Any]) -> dict[str, Any]:
        """An epoch (from 1) ended; the network is in evaluation mode."""
        ...

    def ended(self, run: Run) -> None:
        """The weights are written."""


@opened_once()
def train(
    recipe: Recipe,
    out: Path | str,
    listeners: Sequence[Listener] = (),
    *,
    keep: Iterable[int] = (),
) -> Run:
    """Train what ``recipe`` asks for into the folder ``out``, or go on where a killed run stopped.

    Args:
        recipe: the request; its ``auto`` settings are resolved before anything is written.
        out: the run folder. A finished run of the same request is returned as it is.
        listeners: followers, called in order.
        keep: epochs after which the weights are kept as ``epochs/NNNN.safetensors``.

    Raises:
        RequestError: the folder holds another request (the differing keys are named) or is in use.
        WorkError: a term is no longer finite; the last checkpoint is kept.
    """
    run = Run(out)
    recipe = settled(recipe, run)
    distributed.barrier()
    if run.finished:
        shutil.rmtree(run.folder / DONE, ignore_errors=True)
        name_changed(run, recipe)
        return run
    material = prepare(recipe)
    trainer = Trainer(material, run, listeners, frozenset(keep))
    for listener in trainer.listeners:
        listener.prepared(material)
    with run.locked() if distributed.main() else contextlib.nullcontext():
        open_folder(run, material.recipe)
        distributed.barrier()
        trainer.fit()
    return run


class Trainer:
    """One run in progress."""

    def __init__(self, material: Material, run: Run, listeners: Sequence[Listener], keep: frozenset[int]) -> None:
        self.recipe, self.method, self.pairs = material.recipe, material.method, material.pairs
        self.run, self.listeners, self.keep = run, listeners if distributed.main() else (), keep
        settings = self.recipe.train
        self.material = material
        self.validation = Validation(material)
        self.objective = material.objective
        self.optimizer = optim.optimizer(self.objective, settings)
        self.model: nn.Module = distribute(self.objective, settings)
        if settings.compile:
            self.method.encoder.compile()
        views = self.recipe.views
        self.rounds = views.count // 2 if views.pairing == "turns" else 1
        self.per_epoch = self.rounds * self.pairs.batches.steps
        self.total = settings.epochs * self.per_epoch
        self.parts = parts(distributed.share(int(settings.batch)), settings.accumulate)
        self.pending: list[dict[str, Tensor]] = []
        self.measured: list[dict[str, Tensor]] = []
        self.seconds, self.saved_at = 0.0, time.monotonic()

    def fit(self) -> None:
        """Run all epochs that are left, then write the weights and remove ``resume``."""
        step = self.restore()
        self.name_differences(step)
        for listener in self.listeners:
            listener.started(self.material, self.run, self.total, step)
        self.objective.train()
        while step < self.total:
            step = self.epoch(step)
        if distributed.main():
            checkpoint.save_run(self.run, self.objective)
            os.replace(self.run.resume, self.run.folder / DONE)
            shutil.rmtree(self.run.folder / DONE)
        for listener in self.listeners:
            listener.ended(self.run)
        distributed.barrier()

    def name_differences(self, step: int) -> None:
        """Warn where a run goes on on other hardware or versions: it is then the same only within rounding."""
        path = self.run.folder / "environment.json"
        if not step or not distributed.main() or not path.exists():
            return
        before, now = json.loads(path.read_text("utf-8")), environment(self.recipe)
        other = [f"{k} was {before[k]!r}, is {now[k]!r}" for k in now if before.get(k, now[k]) != now[k]]
        if other:
            warnings.warn(f"going on elsewhere, not the same to the bit: {'; '.join(other)}", stacklevel=2)

    def epoch(self, step: int) -> int:
        """Train from ``step`` to the end of its epoch; return the step reached."""
        epoch, began, images = step // self.per_epoch, time.perf_counter(), 0
        mark, last = time.perf_counter(), step
        while step < (epoch + 1) * self.per_epoch:
            self.step(step, epoch)
            step += 1
            images += int(self.recipe.train.batch)
            ends = step % self.per_epoch == 0
            if (step % self.per_epoch) % LOG_EVERY == 0 or ends:
                row = self.row(step, epoch)
                now = time.perf_counter()
                speed = (step - last) * int(self.recipe.train.batch) / (now - mark)
                mark, last = now, step
                for listener in self.listeners:
                    listener.stepped(row, speed)
                if not ends and time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
                    self.checkpoint(step, now - began)
        taken = time.perf_counter() - began
        self.seconds += taken
        self.end_epoch(epoch + 1, step, {"epoch": epoch + 1, "seconds": taken, "images_per_second": images / taken})
        return step

    def step(self, step: int, epoch: int) -> None:
        """One batch: views, terms, backward, update, and what the method moves after it."""
        turn, at = divmod(step % self.per_epoch, self.pairs.batches.steps)
        self.pairs.pipeline.size = sizes.at(step / self.total, self.recipe.views)
        self.optimizer.zero_grad(set_to_none=True)
        found = [self.backward(part, (epoch, turn, at), first=2 * turn) for part in range(len(self.parts))]
        optim.clip(self.objective, self.recipe.train)
        for group in self.optimizer.param_groups:
            group["lr"] = optim.rate(step, self.total, self.per_epoch, self.recipe.train)
        self.optimizer.step()
        self.objective.after_step((step + 1) / self.total)
        terms, measures = found[0] if len(found) == 1 else (mean(values) for values in zip(*found, strict=True))
        self.pending.append(terms)
        self.measured.append(measures)

    def backward(self, part: int, position: tuple[int, int, int], first: int) -> tuple[Scalars, Scalars]:
        """Add the gradient of one part of a batch; return its terms with their total, and its measures."""
        rows = self.pairs.batches.rows(*position)
        views = self.pairs.views(rows, position, self.parts[part], first, part)
        model, waits = self.model, part < len(self.parts) - 1
        parallel = nn.parallel.DistributedDataParallel
        with model.no_sync() if waits and isinstance(model, parallel) else contextlib.nullcontext():
            with self.precision():
                terms, measures = model(views)
                loss = self.objective.total(terms)
            (loss / len(self.parts)).backward()
        return {k: v.detach() for k, v in {**terms, "total": loss}.items()}, measures

    def precision(self) -> contextlib.AbstractContextManager:
        """Autocast in bf16, or nothing."""
        settings = self.recipe.train
        if settings.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(settings.device, torch.bfloat16)

    def row(self, step: int, epoch: int) -> dict[str, Any]:
        """Log the mean of every term since the last row; stop if one is not finite."""
        values = {k: torch.stack([p[k].float() for p in self.pending]) for k in self.pending[0]}
        for name, value in values.items():
            bad = (~torch.isfinite(value)).nonzero()
            if len(bad):
                self.stop(step - len(value) + int(bad[0]) + 1, name)
        means = {k: distributed.mean(v.mean()) for k, v in values.items()}
        row = {
            "epoch": epoch + 1, "step": step, "total": means.pop("total"), "terms": means,
            "lr": self.optimizer.param_groups[0]["lr"],
        }
        if self.measured[0]:
            row["measures"] = {
                k: distributed.mean(torch.stack([m[k].float() for m in self.measured]).mean()) for k in self.measured[0]
            }
        self.pending, self.measured = [], []
        self.write([row])
        return row

    def stop(self, step: int, term: str) -> None:
        """Raise for a term that is not finite, naming the last good checkpoint."""
        kept = sorted(self.run.resume.glob("*.safetensors"))
        raise WorkError(
            f"the term '{term}' is not finite at step {step}. Kept: {kept[-1] if kept else 'nothing yet'}. "
            "A lower --set train.lr or --set train.clip=1 often helps, in a new --out."
        )

    def end_epoch(self, epoch: int, step: int, speed: dict[str, float]) -> None:
        """Validate, let watchers look, log, keep weights if asked for, checkpoint."""
        row: dict[str, Any] = {"epoch": epoch, "step": step}
        if not all(bool(torch.isfinite(p).all()) for p in self.objective.parameters()):
            self.stop(step, "weights")
        row["validation"], measures = self.validation(self.objective, self.precision())
        if any(measures.values()):
            row["validation_measures"] = measures
        for split, terms in row["validation"].items():
            for name, value in terms.items():
                if not math.isfinite(value):
                    self.stop(step, f"{name} (validation, {split})")
        self.objective.eval()
        for listener in self.listeners:
            watched = listener.epoch_ended(epoch, self.method, row)
            if watched:
                row["watch"] = row.get("watch", {}) | watched
        self.objective.train()
        self.write([row])
        if distributed.main():
            files.append_lines(self.run.folder / "speed.jsonl", [speed])
            if epoch in self.keep:
                kept = self.run.folder / "epochs" / f"{epoch:04d}.safetensors"
                checkpoint.save_weights(kept, self.objective.weights(), {})
        self.checkpoint(step)

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Append rows to the log, from one process."""
        if distributed.main():
            files.append_lines(self.run.folder / "log.jsonl", rows)

    def checkpoint(self, step: int, into_epoch: float = 0.0) -> None:
        """Save all that going on needs; the log's length is part of it."""
        self.saved_at = time.monotonic()
        if not distributed.main():
            return
        sizes = {n: os.path.getsize(p) for n in ("log", "speed") if (p := self.run.folder / f"{n}.jsonl").exists()}
        card = {"step": step, "sizes": sizes, "seconds": self.seconds + into_epoch}
        checkpoint.save(self.run.resume, step, self.objective, self.optimizer, card)

    def restore(self) -> int:
        """Go back to the last checkpoint: weights, optimiser, and the log cut to its length; return its step."""
        card = checkpoint.restore(self.run.resume, self.objective, self.optimizer)
        sizes = card["sizes"] if card else {}
        if distributed.main():
            files.remove_partial(self.run.folder)
            files.remove_partial(self.run.resume)
            files.remove_partial(self.run.folder / "epochs")
            for name in ("log", "speed"):
                path = self.run.folder / f"{name}.jsonl"
                if path.exists():
                    os.truncate(path, min(sizes.get(name, 0), os.path.getsize(path)))
        self.seconds = card["seconds"] if card else 0.0
        return card["step"] if card else 0


def parts(mine: slice, count: int) -> list[slice]:
    """The rows of this process in ``count`` parts of one size."""
    size = (mine.stop - mine.start) // count
    return [slice(mine.start + i * size, mine.start + (i + 1) * size) for i in range(count)]


def mean(values: Sequence[Scalars]) -> Scalars:
    """The mean of each of several scalars of one name."""
    return {k: torch.stack([v[k].float() for v in values]).mean() for k in values[0]}
