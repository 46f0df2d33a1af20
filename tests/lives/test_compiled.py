"""A compiled run is the same run: names of weights, log and resume; it needs the C++ compiler that torch calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

import kinfolk.train.loop as loop
from kinfolk.core import device
from kinfolk.core.errors import RequestError
from kinfolk.records.recipe import Recipe
from kinfolk.train import train

SMALL = {
    "data": {"name": "digits", "limit": 32},
    "views": {"augmentations": ["crop"]},
    "encoder": {"name": "convnet", "channels": [8]},
    "method": {"name": "simclr", "hidden": 16, "out": 8},
    "train": {"epochs": 2, "batch": 32, "threads": 1, "device": "cpu", "precision": "fp32"},
}


def terms(out: Path) -> list[dict]:
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [row["terms"] for row in rows if "terms" in row]


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
def test_a_compiled_run_has_the_same_names_log_and_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        device.check_compiler("cpu")
    except RequestError as missing:
        pytest.skip(str(missing))
    one, two = tmp_path / "one", tmp_path / "two"
    train(Recipe.of(SMALL), one)
    asked = Recipe.of({**SMALL, "train": {**SMALL["train"], "compile": True}})
    plain = loop.Trainer.epoch

    def broken_off(self: loop.Trainer, step: int) -> int:
        if step:
            raise KeyboardInterrupt
        return plain(self, step)

    monkeypatch.setattr(loop.Trainer, "epoch", broken_off)
    with pytest.raises(KeyboardInterrupt):
        train(asked, two)
    monkeypatch.setattr(loop.Trainer, "epoch", plain)
    train(asked, two)
    first, second = load_file(one / "weights.safetensors"), load_file(two / "weights.safetensors")
    assert {n: t.shape for n, t in first.items()} == {n: t.shape for n, t in second.items()}
    for a, b in zip(terms(one), terms(two), strict=True):
        assert a == pytest.approx(b, rel=1e-3)
