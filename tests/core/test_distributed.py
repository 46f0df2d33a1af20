"""Gathers and sums over two real processes, and what one process alone sees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import two_processes

from kinfolk.core import distributed
from kinfolk.core.errors import RequestError


def test_alone_everything_is_the_identity():
    x = torch.randn(3, 2)
    assert distributed.gather(x) is x
    assert distributed.all_reduce(x) is x
    assert (distributed.rank(), distributed.world(), distributed.main()) == (0, 1, True)
    assert distributed.share(8) == slice(0, 8)
    assert distributed.mean(torch.tensor(2.5)) == 2.5
    distributed.barrier()
    distributed.start("cpu")
    distributed.stop()
    assert distributed.world() == 1


def test_importing_it_leaves_torch_out():
    code = "import sys, kinfolk.core.distributed; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "99")
    with pytest.raises(RequestError, match="no GPU of its own"):
        distributed.start("cuda")


def test_two_processes_gather_and_sum_with_gradient(tmp_path):
    two_processes.run(Path(__file__).with_name("distributed_pair.py"), tmp_path / "found")
    zero, one = (torch.load(tmp_path / f"found{rank}", weights_only=True) for rank in (0, 1))
    parts = [torch.arange(6.0).view(2, 3), torch.arange(6.0).view(2, 3) + 10]
    for rank, found in enumerate((zero, one)):
        assert (found["rank"], found["world"], found["main"]) == (rank, 2, rank == 0)
        assert found["share"] == (4 * rank, 4 * rank + 4)
        assert found["mean"] == 1.5
        assert torch.equal(found["rows"], torch.cat(parts))
        assert torch.equal(found["columns"], torch.cat(parts, 1))
        mine = torch.arange(12.0).view(4, 3)[2 * rank : 2 * rank + 2]
        assert torch.equal(found["x.grad"], 3 * mine), "the sum of both processes' gradients"
        assert found["total"].item() == 3.0
        assert found["y.grad"].item() == 3.0
