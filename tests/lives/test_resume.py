"""A run killed at any moment and started again ends with the very same weights and log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killed.py")
MOMENTS = ["step:1", "step:5", "write:1", "rename:2", "step:3", "write:2", "weights"]


def run(out: Path, moment: str) -> int:
    done = subprocess.run([sys.executable, str(SCRIPT), str(out), moment], capture_output=True, text=True, timeout=200)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    assert run(out, "never") == 0
    return out


def test_killed_again_and_again_it_ends_the_same(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    for moment in MOMENTS:
        assert run(out, moment) == -9, moment
        assert (out / "resume").is_dir()
        assert not (out / "weights.safetensors").exists()
    assert run(out, "cleanup") == -9
    assert run(out, "never") == 0
    for name in ("weights.safetensors", "log.jsonl", "recipe.toml"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    assert not (out / "resume").exists()
    assert sorted(p.name for p in out.iterdir()) == sorted(p.name for p in whole.iterdir())


def test_a_finished_run_is_left_alone(whole: Path) -> None:
    before = {p: os.stat(p).st_mtime_ns for p in whole.rglob("*") if p.is_file() and p.name != ".lock"}
    assert run(whole, "never") == 0
    assert before == {p: os.stat(p).st_mtime_ns for p in before}
