"""Two processes, of one launcher or of two as on two machines, train to the weights of one with the whole batch."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

REQUEST = [
    "train", "--encoder", "convnet", "--set", "encoder.channels=8,16", "--epochs",
    "1", "--batch", "64", "--set", "train.threads=1", "--set", "train.optimizer=sgd", "--set", "train.lr=0.01",
    "--set", "train.precision=fp32",
]

AUXILIARIES = [
    "--set", "auxiliaries=augmentation_prediction,reconstruction", "--set",
    "auxiliaries.augmentation_prediction.branches=both", "--set", "auxiliaries.augmentation_prediction.split=end",
    "--set", "auxiliaries.reconstruction.input=original",
]


@pytest.fixture
def noise(tmp_path: Path) -> str:
    """128 images without plain parts: where a background stands at a kink of a ReLU, all of it turns at once."""
    pixels = np.random.default_rng(0).integers(0, 256, (128, 3, 32, 32), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", images=pixels)
    return str(tmp_path / "noise.npz")


def launched(request: list[str], machines: int) -> tuple[str, str]:
    """What two processes say in all on stdout and stderr, started by ``machines`` launchers that meet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    meet = ["--nnodes", str(machines), "--nproc-per-node", str(2 // machines), "--rdzv-backend", "c10d"]
    meet += ["--rdzv-id", "here", "--rdzv-endpoint", f"127.0.0.1:{port}", "--local-addr", "127.0.0.1"]
    command = [sys.executable, "-m", "torch.distributed.run", *meet, "-m", "kinfolk", *request]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(machines)
    ]
    try:
        said = [process.communicate(timeout=240) for process in started]
    finally:
        for process in started:
            process.terminate()
    assert [process.returncode for process in started] == [0] * machines, said
    return "".join(out for out, _ in said), "".join(err for _, err in said)


def rows(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("method", "machines"), [("simclr", 1), ("vicreg", 2), ("byol", 1)])
def test_two_processes_are_one(method: str, machines: int, noise: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    request = [*REQUEST, "--data", noise, *(AUXILIARIES if method == "byol" else []), "--method", method]
    single = [sys.executable, "-m", "kinfolk", *request, "--out", str(one)]
    done = subprocess.run(single, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    said, told = launched([*request, "--out", str(two)], machines)
    assert told.count("epoch 1/1") == 1
    assert said.count("next: kinfolk evaluate") == 1
    assert sorted(p.name for p in one.rglob("*")) == sorted(p.name for p in two.rglob("*"))
    assert len((two / "speed.jsonl").read_text().splitlines()) == 1
    assert [r["step"] for r in rows(one)] == [r["step"] for r in rows(two)]
    for a, b in zip(rows(one), rows(two), strict=True):
        if "terms" in a:
            assert a["terms"] == pytest.approx(b["terms"], rel=1e-4)
            assert a.get("measures", {}) == pytest.approx(b.get("measures", {}), rel=1e-3, abs=1e-4)
    first, second = load_file(one / "weights.safetensors"), load_file(two / "weights.safetensors")
    assert first.keys() == second.keys()
    # A run moves weights by up to 0.01 to 0.03. Rounding alone differs by 1e-7, or by up to 6e-4 where one ReLU turns.
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, atol=1e-3, rtol=2e-3, msg=lambda m, n=name: f"{n}: {m}")
