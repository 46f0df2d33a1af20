"""The step with the network compiled against the one without: `python benchmarks/compile.py`.

Both are whole steps of the training loop on random uint8 images, alternating in one process. The warm-up is the
compiled trainer's first step, in which torch.compile traces and builds the network, less a usual one; it is paid for
after as many epochs of 50,000 images as the gain of the steps takes to save it.
"""

from __future__ import annotations

import argparse
import statistics
import time

from record import environment, record

from kinfolk.core import device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="convnet")
    parser.add_argument("--size", type=int, default=32, help="image side in pixels")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    device.keep_freed_memory()
    import torch
    from random_run import trainer

    made = {name: trainer(arguments.encoder, arguments.size, batch=arguments.batch, compile=name == "compiled")
            for name in ("plain", "compiled")}
    cuda = made["plain"].recipe.train.device == "cuda"
    times: dict[str, list[float]] = {name: [] for name in made}
    for step in range(arguments.steps + 3):
        for name, one in made.items():
            began = time.perf_counter()
            one.step(step % one.per_epoch, 0)
            one.pending.clear()
            if cuda:
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - began)
    usual = {name: statistics.median(taken[3:]) for name, taken in times.items()}
    gain = statistics.median(a / b for a, b in zip(times["plain"][3:], times["compiled"][3:], strict=True))
    warm_up = times["compiled"][0] - usual["compiled"]
    saved = (usual["plain"] - usual["compiled"]) / arguments.batch * 50_000
    pays = f"paid for after {warm_up / saved:.1f} epochs of 50,000 images" if saved > 0 else "never paid for"
    print(f"{arguments.encoder}, {arguments.size} px images, batch {arguments.batch}")
    print(*(f"{name:9}{arguments.batch / taken:8.0f} images/s" for name, taken in usual.items()), sep="\n")
    print(f"gain {gain:.3f}, warm-up {warm_up:.1f} s: {pays}")
    record("compile", {
        "encoder": arguments.encoder, "size": arguments.size, "batch": arguments.batch, "steps": arguments.steps,
        "images_per_second": {name: arguments.batch / taken for name, taken in usual.items()}, "gain": gain,
        "warm_up": warm_up, **environment(made["plain"].recipe.train.device),
    })


if __name__ == "__main__":
    main()
