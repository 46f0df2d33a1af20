"""What lightly's loop reaches in given seconds of training: `python benchmarks/lightly_minutes.py --data CIFAR10`.

The network of `cifar10-fast` in lightly's loop (`lightly_loop.py`), tuned, in the precision that kinfolk takes,
SimCLR as lightly sets it up, the learning rate falling as a cosine over the seconds; the clock does not count building
the loop. Then k-NN and linear probe by `kinfolk evaluate`. Peers: as `lightly_speed.py`.
"""

from __future__ import annotations

import argparse
import math
import time

import torch
from record import environment, record
from scored import scored

from kinfolk.core import device, registry
from kinfolk.load.images import load
from kinfolk.records import shipped
from kinfolk.records.recipe import Recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="CIFAR-10")
    parser.add_argument("--seconds", type=float, default=155, help="of training")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    device.keep_freed_memory()
    torch.set_num_threads(device.threads("auto"))
    torch.manual_seed(arguments.seed)
    encoder, settings = built()
    pixels = load(arguments.data, "train").pixels
    steps = trained(pixels, encoder, arguments)
    scores = scored(encoder, "convnet", settings, arguments.data)
    images = steps * arguments.batch
    print(f"{images:,} images in {arguments.seconds:.0f} s: " + ", ".join(f"{k} {v:.1%}" for k, v in scores.items()))
    record("lightly_minutes", {**vars(arguments), "images": images, **scores, **environment()})


def built() -> tuple[torch.nn.Module, dict[str, object]]:
    """The encoder of ``cifar10-fast`` and its settings."""
    choice = Recipe.load(shipped.recipe("cifar10-fast")).encoder
    return registry.build("encoders", choice.name, 32, **choice.settings), choice.settings


def trained(pixels: object, encoder: torch.nn.Module, arguments: argparse.Namespace) -> int:
    """Train until the seconds are over; the number of steps."""
    from lightly_loop import RATE, LightlyLoop

    made = LightlyLoop(
        pixels, encoder, encoder.width, size=32, batch=arguments.batch, workers=arguments.workers,
        bf16=device.precision("auto", "cpu") == "bf16", tuned=True,
    )
    steps, began = 0, time.perf_counter()
    while True:
        for _ in made.steps():
            steps += 1
            part = (time.perf_counter() - began) / arguments.seconds
            if part >= 1:
                return steps
            made.optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * part))


if __name__ == "__main__":
    main()
