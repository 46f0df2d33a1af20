"""The training step against the bare network step, alternating in one process: `python benchmarks/step.py`.

Rounds of eight steps each, as the parameters of views are drawn for eight steps at once; medians over rounds. Bare: the
method's forward, backward and optimiser step on one resident batch of random views. Loop: all that a step of training
does (rows, pixels, views, forward, backward, optimiser, schedule), taken from the loop itself. Random uint8 images;
nothing is logged or saved within the measured steps. The last ratio that was recorded for the same settings stands
beside.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time

from record import RESULTS, environment, record

from kinfolk.core import device
from kinfolk.load import kernel
from kinfolk.load.pairs import AHEAD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="convnet")
    parser.add_argument("--size", type=int, default=32, help="image side in pixels")
    parser.add_argument("--view", type=int, default=0, help="view side in pixels; 0 is the recipe's own")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--rounds", type=int, default=6, help="of eight steps each, after a first one")
    parser.add_argument("--no-kernel", action="store_true", help="views by torch, as where there was no C compiler")
    parser.add_argument("--no-record", action="store_true", help="print only")
    arguments = parser.parse_args()
    if arguments.no_kernel:
        kernel.library = lambda: None
    device.keep_freed_memory()
    import torch
    from random_run import trainer

    made = trainer(
        arguments.encoder, arguments.size, arguments.view, batch=arguments.batch, precision=arguments.precision
    )
    method, view = made.material.method, made.recipe.views.size
    resident = made.pairs.views(made.pairs.batches.rows(0, 0, 0), (0, 0, 0), slice(None))

    def synchronise() -> None:
        if made.recipe.train.device == "cuda":
            torch.cuda.synchronize()

    def bare() -> None:
        with made.precision():
            loss = method.total(method(resident))
        made.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        made.optimizer.step()

    steps = itertools.cycle(range(made.per_epoch))

    def loop() -> None:
        made.step(next(steps), 0)
        made.pending.clear()

    times: dict[str, list[float]] = {"bare": [], "loop": []}
    for round_ in range(arguments.rounds + 1):
        for name, run in (("bare", bare), ("loop", loop)):
            synchronise()
            began = time.perf_counter()
            for _ in range(AHEAD):
                run()
            synchronise()
            if round_:
                times[name].append((time.perf_counter() - began) / AHEAD)
    ratio = statistics.median(b / a for a, b in zip(times["loop"], times["bare"], strict=True))
    speed = {name: arguments.batch / statistics.median(values) for name, values in times.items()}
    precision = made.recipe.train.precision
    settings = {k: getattr(arguments, k) for k in ("encoder", "size", "batch")} | {"view": view, "precision": precision}
    settings["views"] = kernel.maker(made.recipe.train.device)
    print(f"{arguments.encoder}, {arguments.size} px images, {view} px views, batch {arguments.batch}, {precision}")
    print(f"bare  {speed['bare']:8.0f} images/s\nloop  {speed['loop']:8.0f} images/s")
    print(f"ratio {ratio:8.3f}   {last(settings)}")
    if not arguments.no_record:
        here = environment(made.recipe.train.device)
        record("step", {**settings, "rounds": arguments.rounds, "images_per_second": speed, "ratio": ratio, **here})


def last(settings: dict[str, object]) -> str:
    """What was recorded last for the same settings."""
    path = RESULTS / "step.json"
    rows = json.loads(path.read_text("utf-8")) if path.exists() else []
    same = [row for row in rows if all(row.get(k) == v for k, v in settings.items())]
    if not same:
        return "none was recorded of these settings"
    row = same[-1]
    return f"recorded last: {row['ratio']:.3f} ({row['commit']}, {row['date'][:10]}, {row.get('cpu', row.get('gpu'))})"


if __name__ == "__main__":
    main()
