"""The floor of a training step: operations and bytes against the machine's ceilings: `python benchmarks/limit.py`.

Operations: what forward and backward pass of two views count (torch's FlopCounterMode). Bytes: the outputs of
convolutions and linear layers, each written and read once forward, once again backward, and its gradient written and
read; parameters, gradients and the optimiser's two moments. Ceilings: the fastest product of matrices of 4096 x 4096
in the precision that `auto` takes, and the fastest copy of 256 MB (read and written). The floor is the larger of the
two times; ratio: floor over measured. Convolutions of few channels cannot reach the ceiling of a matrix product, so it
is not to be reached.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import torch
from knn import timed
from random_run import trainer
from record import environment, record
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kinfolk.core import device

TARGETS = (("convnet", 32, 256), ("convnet", 96, 64), ("resnet", 32, 64), ("resnet", 96, 16))
MOVES = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5)
    arguments = parser.parse_args()
    device.keep_freed_memory()
    dtype = torch.bfloat16 if device.precision("auto", "cpu") == "bf16" else torch.float32
    product, copy = ceilings(dtype)
    print(f"ceilings: {product / 1e9:.0f} GFLOP/s in {dtype}, {copy / 1e9:.1f} GB/s")
    print(f"{'':24}{'GFLOP':>9}{'GB':>7}{'floor s':>9}{'step s':>9}{'ratio':>7}{'images/s':>10}")
    rows = {}
    for encoder, size, batch in TARGETS:
        made = trainer(encoder, size, batch=batch)
        operations, moved = counted(made)
        measured = median(lambda at, made=made: made.step(at, 0), arguments.steps)
        floor = max(operations / product, moved / copy)
        name = f"{encoder} {size} px, batch {batch}"
        print(f"{name:24}{operations / 1e9:9.1f}{moved / 1e9:7.2f}{floor:9.3f}{measured:9.3f}{floor / measured:7.2f}"
              f"{batch / measured:10.0f}")
        rows[name] = {"operations": operations, "bytes": moved, "floor": floor, "seconds": measured}
    record("limit", {"dtype": str(dtype), "product": product, "copy": copy, "rows": rows, **environment()})


def ceilings(dtype: torch.dtype) -> tuple[float, float]:
    """Operations a second of a matrix product, bytes a second of a copy; the fastest of a few."""
    a, b = torch.randn(4096, 4096, dtype=dtype), torch.randn(4096, 4096, dtype=dtype)
    source = torch.zeros(2**26)
    target = torch.empty_like(source)
    product = min(timed(lambda: torch.mm(a, b)) for _ in range(4))
    copy = min(timed(lambda: target.copy_(source)) for _ in range(6))
    return 2 * 4096**3 / product, 2 * source.nbytes / copy


def counted(made) -> tuple[int, int]:  # type: ignore[no-untyped-def]
    """Operations and bytes of one step."""
    outputs = 0

    def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal outputs
        outputs += output.nbytes

    layers = [m for m in made.objective.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    with FlopCounterMode(display=False) as counter:
        made.step(0, 0)
    for hook in hooks:
        hook.remove()
    parameters = sum(p.nbytes for p in made.objective.parameters())
    return counter.get_total_flops(), MOVES * outputs + 7 * parameters


def median(run: Callable[[int], object], steps: int) -> float:
    """The median of some calls after two."""
    return statistics.median([timed(lambda at=at: run(at)) for at in range(steps + 2)][2:])


if __name__ == "__main__":
    main()
