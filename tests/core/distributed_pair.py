"""One of two processes: gathers and sums with gradient; each writes what it found."""

from __future__ import annotations

import sys

import torch

from kinfolk.core import distributed


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
    distributed.barrier()
    distributed.stop()
    assert distributed.world() == 1


if __name__ == "__main__":
    main(sys.argv[1])
