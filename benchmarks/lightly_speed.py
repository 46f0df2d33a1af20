"""The training loop beside lightly's, same network, batch and size of views: `python benchmarks/lightly_speed.py`.

Needs lightly and torchvision (`pip install --no-deps --target PEERS lightly lightly-utils torchvision
lightning-utilities pytorch-lightning torchmetrics aenum tqdm`, then PYTHONPATH=PEERS). lightly's loop runs with each
number of workers, in fp32, under bf16 autocast, and tuned (bf16, channels-last, fused AdamW); ours in fp32 and in what
`auto` takes. Random 32 px images; rounds alternate in one process; medians over rounds. The first steps of a round are
not counted: workers start, and what they prepared meanwhile is used up.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from record import environment, record

from kinfolk.core import device, registry

CHANNELS = (32, 64, 128, 256)
SIZE = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=10, help="steps counted in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", default="0,1,2", help="numbers of lightly's workers to try")
    arguments = parser.parse_args()
    device.keep_freed_memory()
    runs: dict[str, Callable[[], float]] = {
        f"kinfolk, {precision}": ours(arguments.batch, arguments.steps, precision) for precision in ("auto", "fp32")
    }
    for workers in (int(w) for w in arguments.workers.split(",")):
        for kind in ("fp32", "bf16", "tuned"):
            runs[f"lightly, {kind}, {workers} workers"] = theirs(arguments.batch, arguments.steps, workers, kind)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            seconds[name].append(run())
    speed = {name: arguments.batch / statistics.median(taken) for name, taken in seconds.items()}
    for name, value in speed.items():
        print(f"{name:<27} {value:7.0f} images/s   {speed['kinfolk, auto'] / value:5.1f}")
    record("lightly_speed", {**vars(arguments), "channels": CHANNELS, "images_per_second": speed, **environment()})


def ours(batch: int, steps: int, precision: str) -> Callable[[], float]:
    """Seconds of a step of the loop."""
    from random_run import trainer

    settings = {"channels": list(CHANNELS), "stem": "stride2"}
    made = trainer("convnet", SIZE, SIZE, settings, batch=batch, precision=precision)

    def run() -> float:
        made.step(0, 0)
        began = time.perf_counter()
        for step in range(steps):
            made.step(step % made.per_epoch, 0)
        made.pending.clear()
        return (time.perf_counter() - began) / steps

    return run


def theirs(batch: int, steps: int, workers: int, kind: str) -> Callable[[], float]:
    """Seconds of a step of lightly's loop, past the batches that its workers prepared before the first."""
    from lightly_loop import LightlyLoop

    unused = 1 + 2 * workers
    pixels = np.random.default_rng(0).integers(0, 256, (batch * (steps + 3 * unused), 3, SIZE, SIZE), dtype=np.uint8)
    encoder = registry.build("encoders", "convnet", SIZE, channels=CHANNELS, stem="stride2")
    made = LightlyLoop(
        pixels, encoder, CHANNELS[-1], size=SIZE, batch=batch, workers=workers, bf16=kind != "fp32",
        tuned=kind == "tuned",
    )

    def run() -> float:
        taken = made.steps()
        for _ in range(unused):
            next(taken)
        began = time.perf_counter()
        for _ in range(steps):
            next(taken)
        return (time.perf_counter() - began) / steps

    return run


if __name__ == "__main__":
    main()
