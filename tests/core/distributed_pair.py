"""One of two processes: gathers and sums with gradient; each writes what it found."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import torch

from kinfolk.core import distributed
from kinfolk.records.recipe import Train
from kinfolk.train.prepare import distribute


def main(out: str) -> None:
    """Try every function of ``core/distributed`` and save the findings of this rank."""
    distributed.start("cpu")
    rank = distributed.rank()
    x = torch.arange(6.0).view(2, 3).add(10.0 * rank).requires_grad_()
    rows, columns = distributed.gather(x), distributed.gather(x, 1)
    weights = torch.arange(12.0).view(4, 3) * (rank + 1)
    (rows * weights).sum().backward()
    y = torch.tensor([1.0 + rank], requires_grad=True)
    total = distributed.all_reduce(y)
    (total * (rank + 1)).sum().backward()
    found = {
        "rank": rank,
        "world": distributed.world(),
        "main": distributed.main(),
        "mean": distributed.mean(y.sum()),
        "share": (distributed.share(8).start, distributed.share(8).stop),
        "rows": rows.detach(),
        "columns": columns.detach(),
        "x.grad": x.grad,
        "total": total.detach(),
        "y.grad": y.grad,
    }
    torch.save(found, f"{out}{rank}")
    step()
    distributed.barrier()
    distributed.stop()
    assert distributed.world() == 1
    until = time.monotonic() + 20
    while gloo() and time.monotonic() < until:
        time.sleep(0.02)
    assert not gloo()


def step() -> None:
    """A gradient that is averaged over the processes, by a wrapper that holds their group."""
    model = distribute(torch.nn.Linear(3, 3), Train())
    model(torch.ones(2, 3)).sum().backward()
    assert gloo() or not Path("/proc/self/task").exists()


def gloo() -> list[str]:
    """Gloo's threads in this process, where the system names them; one that has ended is listed a moment longer."""
    found = []
    for task in Path("/proc/self/task").glob("*"):
        with contextlib.suppress(OSError):
            found.append((task / "comm").read_text())
    return [name for name in found if "gloo" in name]


if __name__ == "__main__":
    main(sys.argv[1])
