"""One of two processes: each auxiliary's terms, measures, gradients and buffers on half of the batch."""

from __future__ import annotations

import sys

import auxiliary_toys as toys
import torch
from torch.nn.parallel import DistributedDataParallel

from kinfolk.core import distributed
from kinfolk.nn.batchnorm import synchronise


def main(out: str) -> None:
    """Run all cases and save what rank 0 holds to ``out``."""
    torch.set_num_threads(1)
    distributed.start("cpu")
    found = {}
    for name, variant in toys.cases():
        objective = toys.build(name, **toys.VARIANTS[variant]).double()
        synchronise(objective, distributed.all_reduce)
        model = DistributedDataParallel(objective, broadcast_buffers=False)
        terms, measures = model(toys.views(rows=distributed.share(8), dtype=torch.float64))
        objective.total(terms).backward()
        found[f"{name}: {variant}"] = {
            "terms": {k: torch.tensor(distributed.mean(v)) for k, v in terms.items()},
            "measures": {k: torch.tensor(distributed.mean(v)) for k, v in measures.items()},
            "gradients": {n: p.grad for n, p in objective.named_parameters() if p.requires_grad},
            "buffers": dict(objective.named_buffers()),
        }
    if distributed.main():
        torch.save(found, out)
    distributed.stop()


if __name__ == "__main__":
    main(sys.argv[1])
