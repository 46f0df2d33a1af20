"""One of two processes: each method's terms, gradients and buffers on half of the batch."""

from __future__ import annotations

import sys

import method_toys as toys
import torch
from torch.nn.parallel import DistributedDataParallel

from kinfolk.core import distributed
from kinfolk.nn.batchnorm import synchronise


def main(out: str) -> None:
    """Run all methods on all kinds of views that they take and save what rank 0 holds to ``out``."""
    torch.set_num_threads(1)
    distributed.start("cpu")
    found = {}
    for name in toys.names():
        for kind, given in toys.mixtures(name).items():
            method = toys.build(name).double()
            synchronise(method, distributed.all_reduce)
            model = DistributedDataParallel(method, broadcast_buffers=False)
            terms = model(toys.views(**given, rows=distributed.share(8), dtype=torch.float64))
            method.total(terms).backward()
            found[f"{name}, {kind}"] = {
                "terms": {k: torch.tensor(distributed.mean(v)) for k, v in terms.items()},
                "gradients": toys.gradients(method),
                "buffers": dict(method.named_buffers()),
            }
    if distributed.main():
        torch.save(found, out)
    distributed.stop()


if __name__ == "__main__":
    main(sys.argv[1])
