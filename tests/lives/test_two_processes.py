"""Two processes started by torchrun train to the weights of one process with the whole batch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

REQUEST = [
    "train", "--data", "digits", "--limit", "128", "--encoder", "convnet", "--set", "encoder.channels=8,16", "--epochs",
    "1", "--batch", "64", "--set", "train.threads=1", "--set", "train.optimizer=sgd", "--set", "train.lr=0.05",
]


def rows(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("method", ["simclr", "vicreg"])
def test_two_processes_are_one(method: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    single = [sys.executable, "-m", "kinfolk", *REQUEST, "--method", method, "--out", str(one)]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    double = [*launcher, "-m", "kinfolk", *REQUEST, "--method", method, "--out", str(two)]
    for command in (single, double):
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("epoch 1/1") == 1
    assert done.stdout.count("next: kinfolk evaluate") == 1
    assert [r["step"] for r in rows(one)] == [r["step"] for r in rows(two)]
    for a, b in zip(rows(one), rows(two), strict=True):
        if "terms" in a:
            assert a["terms"] == pytest.approx(b["terms"], rel=1e-4)
    first, second = load_file(one / "weights.safetensors"), load_file(two / "weights.safetensors")
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, atol=2e-4, rtol=2e-3, msg=lambda m, n=name: f"{n}: {m}")
