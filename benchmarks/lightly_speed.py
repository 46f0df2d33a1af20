"""The training loop beside lightly's, same network, batch and size of views: `python benchmarks/lightly_speed.py`.

Needs lightly and torchvision (`pip install --no-deps --target PEERS lightly lightly-utils torchvision
lightning-utilities pytorch-lightning torchmetrics aenum tqdm`, then PYTHONPATH=PEERS). lightly's loop runs with each
number of workers, in fp32, under bf16 autocast, and tuned (bf16, channels-last, fused AdamW); ours in fp32 and in what
`auto` takes. Random 32 px images. Every measurement is a process of its own, so that each has the memory settings it is
shipped with; rounds alternate; medians over rounds. The first steps of a process are not counted: kernels are chosen,
workers start, and what they prepared meanwhile is used up.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from importlib import metadata

import numpy as np
from record import environment, record

from kinfolk.core import device, registry

CHANNELS = (32, 64, 128, 256)
SIZE = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20, help="steps counted in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", default="0,1,2", help="numbers of lightly's workers to try")
    parser.add_argument("--one", nargs=3, metavar=("WHOSE", "KIND", "WORKERS"), help="one measurement, in this process")
    arguments = parser.parse_args()
    if arguments.one:
        whose, kind, workers = arguments.one
        taken = (arguments.batch, arguments.steps, kind)
        print(ours(*taken) if whose == "kinfolk" else theirs(*taken, int(workers)))
        return
    runs = [("kinfolk", kind, "0") for kind in ("auto", "fp32")]
    runs += [("lightly", kind, w) for w in arguments.workers.split(",") for kind in ("fp32", "bf16", "tuned")]
    size = ["--batch", str(arguments.batch), "--steps", str(arguments.steps)]
    seconds: dict[tuple[str, str, str], list[float]] = {run: [] for run in runs}
    for _ in range(arguments.rounds):
        for run in runs:
            command = [sys.executable, __file__, *size, "--one", *run]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds[run].append(float(done.stdout.split()[-1]))
    speed = {", ".join(run): arguments.batch / statistics.median(taken) for run, taken in seconds.items()}
    for name, value in speed.items():
        print(f"{name:<19} {value:7.0f} images/s   {speed['kinfolk, auto, 0'] / value:5.1f}")
    settings = {k: v for k, v in vars(arguments).items() if k != "one"}
    peers = {name: metadata.version(name) for name in ("lightly", "torchvision")}
    found = {"channels": CHANNELS, "images_per_second": speed, "peers": peers}
    record("lightly_speed", {**settings, **found, **environment()})


def ours(batch: int, steps: int, precision: str) -> float:
    """Seconds of a step of the loop."""
    from random_run import trainer

    device.keep_freed_memory()
    settings = {"channels": list(CHANNELS), "stem": "stride2"}
    made = trainer("convnet", SIZE, SIZE, settings, batch=batch, precision=precision)
    for step in range(3):
        made.step(step, 0)
    began = time.perf_counter()
    for step in range(steps):
        made.step(step % made.per_epoch, 0)
    return (time.perf_counter() - began) / steps


def theirs(batch: int, steps: int, kind: str, workers: int) -> float:
    """Seconds of a step of lightly's loop, past the batches that its workers prepared before the first."""
    from lightly_loop import LightlyLoop

    unused = 3 + 2 * workers
    pixels = np.random.default_rng(0).integers(0, 256, (batch * (steps + 3 * unused), 3, SIZE, SIZE), dtype=np.uint8)
    encoder = registry.build("encoders", "convnet", SIZE, channels=CHANNELS, stem="stride2")
    made = LightlyLoop(
        pixels, encoder, CHANNELS[-1], size=SIZE, batch=batch, workers=workers, bf16=kind != "fp32",
        tuned=kind == "tuned",
    )
    taken = made.steps()
    for _ in range(unused):
        next(taken)
    began = time.perf_counter()
    for _ in range(steps):
        next(taken)
    return (time.perf_counter() - began) / steps


if __name__ == "__main__":
    main()
