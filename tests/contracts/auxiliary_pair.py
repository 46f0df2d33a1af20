"""One of two processes: each auxiliary's terms, measures, gradients and buffers on half of the batch."""

from __future__ import annotations

import sys

import auxiliary_toys as toys
import torch
from torch import Tensor

from kinfolk.core import distributed
from kinfolk.records.recipe import Train
from kinfolk.train.prepare import distribute


def main(out: str) -> None:
    """Run all cases and save what rank 0 holds to ``out``."""
    torch.set_num_threads(1)
    distributed.start("cpu")
    found = {f"{name}: {variant}": case(name, variant) for name, variant in toys.cases()}
    if distributed.main():
        torch.save(found, out)
    distributed.stop()


def case(name: str, variant: str) -> dict[str, dict[str, Tensor | None]]:
    """The means over both processes of one auxiliary's terms and measures, and its gradients and buffers."""
    objective = toys.build(name, **toys.VARIANTS[variant]).double()
    model = distribute(objective, Train())
    terms, measures = model(toys.views(rows=distributed.share(8), dtype=torch.float64))
    objective.total(terms).backward()
    return {
        "terms": {k: torch.tensor(distributed.mean(v)) for k, v in terms.items()},
        "measures": {k: torch.tensor(distributed.mean(v)) for k, v in measures.items()},
        "gradients": {n: p.grad for n, p in objective.named_parameters() if p.requires_grad},
        "buffers": dict(objective.named_buffers()),
    }


if __name__ == "__main__":
    main(sys.argv[1])
