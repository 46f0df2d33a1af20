"""The training step against the bare network step, alternating in one process: `python benchmarks/step.py`.

Bare: the method's forward, backward and optimiser step on one resident batch of random views. Loop: all that a step of
training does (rows, pixels, views, forward, backward, optimiser, schedule), taken from the loop itself. Random
uint8 images; nothing is logged or saved within the measured steps.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from record import environment, record

from kinfolk.core import device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="convnet")
    parser.add_argument("--size", type=int, default=32, help="image side in pixels")
    parser.add_argument("--view", type=int, default=0, help="view side in pixels; 0 is the recipe's own")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=30)
    arguments = parser.parse_args()
    device.keep_freed_memory()
    import torch

    from kinfolk.records.recipe import Recipe
    from kinfolk.records.run import Run
    from kinfolk.train.loop import Trainer
    from kinfolk.train.prepare import prepare

    with tempfile.TemporaryDirectory() as folder:
        pixels = np.random.default_rng(0).integers(0, 256, (4096, 3, arguments.size, arguments.size), dtype=np.uint8)
        np.savez(Path(folder) / "random.npz", images=pixels)
        recipe = Recipe.of({
            "data": {"name": str(Path(folder) / "random.npz")},
            "views": {"size": arguments.view or "auto"},
            "encoder": {"name": arguments.encoder},
            "train": {"batch": arguments.batch},
        })
        material = prepare(recipe)
        trainer = Trainer(material, Run(Path(folder) / "run"), [], frozenset())
        method = material.method.train()
        resident = material.pairs.views(material.pairs.batches.rows(0, 0, 0), (0, 0, 0), slice(None))

        def synchronise() -> None:
            if material.recipe.train.device == "cuda":
                torch.cuda.synchronize()

        def bare() -> None:
            with trainer.precision():
                loss = method.total(method(resident))
            trainer.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            trainer.optimizer.step()

        def loop(step: int) -> None:
            trainer.step(step % trainer.per_epoch, 0)
            trainer.pending.clear()

        times: dict[str, list[float]] = {"bare": [], "loop": []}
        for step in range(arguments.steps + 3):
            for name, run in (("bare", bare), ("loop", lambda at=step: loop(at))):
                synchronise()
                began = time.perf_counter()
                run()
                synchronise()
                if step >= 3:
                    times[name].append(time.perf_counter() - began)
    ratio = statistics.median(b / a for a, b in zip(times["loop"], times["bare"], strict=True))
    speed = {name: arguments.batch / statistics.median(values) for name, values in times.items()}
    view = material.recipe.views.size
    print(f"{arguments.encoder}, {arguments.size} px images, {view} px views, batch {arguments.batch}")
    print(f"bare  {speed['bare']:8.0f} images/s\nloop  {speed['loop']:8.0f} images/s\nratio {ratio:8.3f}")
    record("step", {
        **vars(arguments), "view": view, "images_per_second": speed, "ratio": ratio,
        **environment(material.recipe.train.device),
    })


if __name__ == "__main__":
    main()
