"""Trains a small run in a process of its own and kills that process, with SIGKILL, at the moment named.

Usage: killed.py OUT MOMENT, where MOMENT is never, step:N (after N steps), write:N (half-way through the N-th
checkpoint's bytes), rename:N (before its rename), weights (before the rename of the final weights), cleanup (while
the last checkpoint is being deleted).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import kinfolk.train.checkpoint as checkpoint
import kinfolk.train.loop as loop
from kinfolk.evaluate.watch import Watch
from kinfolk.records.recipe import Recipe

RECIPE = {
    "data": {"name": "digits", "limit": 200},
    "method": {"name": "byol"},
    "auxiliaries": [{"name": "augmentation_prediction", "branches": "both", "hidden": 32}],
    "encoder": {"name": "convnet", "channels": [8, 16]},
    "train": {"epochs": 3, "batch": 32, "threads": 1},
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(out: str, moment: str) -> None:
    loop.LOG_EVERY, loop.CHECKPOINT_SECONDS = 2, 0.0
    kind, _, number = moment.partition(":")
    calls = {"step": 0, "write": 0, "rename": 0}
    step, save_file, replace, rmtree = loop.Trainer.step, checkpoint.save_file, os.replace, loop.shutil.rmtree

    def counted_step(self, *position):
        step(self, *position)
        calls["step"] += 1
        if kind == "step" and calls["step"] == int(number):
            die()

    def counted_save(tensors, path, metadata=None):
        save_file(tensors, path, metadata)
        calls["write"] += 1
        if kind == "write" and calls["write"] == int(number):
            os.truncate(path, os.path.getsize(path) // 2)
            die()

    def counted_replace(source, target):
        calls["rename"] += "resume" in str(target)
        if kind == "rename" and calls["rename"] == int(number) or kind == "weights" and "weights" in str(target):
            die()
        replace(source, target)

    def counted_rmtree(folder, **options):
        if kind == "cleanup":
            die()
        rmtree(folder, **options)

    loop.shutil.rmtree = counted_rmtree
    loop.Trainer.step, checkpoint.save_file, os.replace = counted_step, counted_save, counted_replace
    loop.train(Recipe.of(RECIPE), Path(out), [Watch()])


if __name__ == "__main__":
    main(*sys.argv[1:])
