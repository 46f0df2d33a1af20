"""One of two processes: each method's terms, gradients and buffers on half of the batch."""

from __future__ import annotations

import sys

import method_toys as toys
import torch
from torch import Tensor

from kinfolk.core import distributed
from kinfolk.records.recipe import Train
from kinfolk.train.prepare import distribute


def main(out: str) -> None:
    """Run all methods on all kinds of views that they take and save what rank 0 holds to ``out``."""
    torch.set_num_threads(1)
    distributed.start("cpu")
    found = {
        f"{name}, {kind}": case(name, given) for name in toys.names() for kind, given in toys.mixtures(name).items()
    }
    if distributed.main():
        torch.save(found, out)
    distributed.stop()


def case(name: str, given: dict) -> dict[str, dict[str, Tensor]]:
    """The means over both processes of one method's terms, and its gradients and buffers."""
    method = toys.build(name).double()
    model = distribute(method, Train())
    terms = model(toys.views(**given, rows=distributed.share(8), dtype=torch.float64))
    method.total(terms).backward()
    return {
        "terms": {k: torch.tensor(distributed.mean(v)) for k, v in terms.items()},
        "gradients": toys.gradients(method),
        "buffers": dict(method.named_buffers()),
    }


if __name__ == "__main__":
    main(sys.argv[1])
