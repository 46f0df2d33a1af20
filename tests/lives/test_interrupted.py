"""A training that is interrupted says whether anything is kept, and what cannot be measured yet says so."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LONG = [
    "--data", "digits", "--method", "simclr", "--epochs", "500", "--set", "encoder.channels=64,128",
    "--set", "train.threads=1",
]


def interruptible() -> None:
    """Heed interrupts, which a process started in the background is told to ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(out: Path, sign: str) -> str:
    """Train until a file of the run is there, then interrupt; what was said last."""
    command = [sys.executable, "-m", "kinfolk", "train", *LONG, "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible) as training:
        try:
            until = time.monotonic() + 120
            while not any(out.glob(sign)) and time.monotonic() < until:
                time.sleep(0.02)
            training.send_signal(signal.SIGINT)
            said = training.communicate(timeout=60)[1]
        finally:
            training.kill()
    assert training.returncode == 130, said
    assert "Traceback" not in said
    return said.splitlines()[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are sent otherwise")
def test_what_an_interrupted_training_says_is_so(tmp_path: Path) -> None:
    out = tmp_path / "run"
    said = "the same command begins again: the first checkpoint is written after a minute or an epoch."
    assert interrupted(out, "recipe.toml").endswith(said)
    assert not list(out.glob("resume/*.safetensors"))
    command = [sys.executable, "-m", "kinfolk", "evaluate", str(out), "--only", "knn"]
    evaluated = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert evaluated.returncode == 2
    assert "has no weights yet: its training has not finished" in evaluated.stderr
    assert interrupted(out, "resume/*.safetensors").endswith("goes on from the last checkpoint.")
    assert list(out.glob("resume/*.safetensors"))
