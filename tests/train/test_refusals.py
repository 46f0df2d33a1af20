"""What training refuses before anything is written, and a loss that is not finite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import kinfolk.train.loop as loop
from kinfolk.core.errors import RequestError, WorkError
from kinfolk.records.recipe import Recipe
from kinfolk.train import train

SMALL = {
    "data": {"name": "digits", "limit": 64},
    "encoder": {"name": "convnet", "channels": [8]},
    "train": {"epochs": 3, "batch": 16, "threads": 1, "device": "cpu", "precision": "fp32"},
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": {"name": "vicreg"}}, "'vicreg' takes no small crops; those that do: .*byol, dino, moco, .*swav"),
        ({"method": {"name": "swav"}, "views": {"count": 4, "pairing": "turns"}}, "needs views.pairing = 'all'"),
        ({"method": {"name": "swav"}, "views": {"augmentations": ["flip"]}}, "needs the augmentation 'crop'"),
        ({"method": {"name": "byol"}, "encoder": {"name": "alexnet"}}, "the encoder takes no views of 12 px"),
    ],
)
def test_small_crops_that_cannot_be_are_refused(given: dict, said: str, tmp_path: Path) -> None:
    asked = {**SMALL, **given, "views": {**given.get("views", {}), "small_count": 2}}
    with pytest.raises(RequestError, match=said):
        train(Recipe.of(asked), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_compiler_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    asked = {**SMALL, "train": {**SMALL["train"], "compile": True}}
    with pytest.raises(RequestError, match="'no-such-compiler', which is not found"):
        train(Recipe.of(asked), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_names_step_term_and_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, plain = tmp_path / "run", loop.Trainer.step

    def poisoned(self: loop.Trainer, step: int, epoch: int) -> None:
        plain(self, step, epoch)
        if step == 5:
            self.pending[-1]["repulsion"] = torch.tensor(float("nan"))

    monkeypatch.setattr(loop.Trainer, "step", poisoned)
    kept = run / "resume" / f"{4:09d}.safetensors"
    with pytest.raises(WorkError, match=f"the term 'repulsion' is not finite at step 6. Kept: {kept}"):
        train(Recipe.of(SMALL), run)
    assert all(torch.isfinite(t).all() for t in load_file(kept).values())
    assert not (run / "weights.safetensors").exists()
    steps = [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert steps == [4, 4], "nothing of the bad epoch is in the log"
    monkeypatch.setattr(loop.Trainer, "step", plain)
    train(Recipe.of(SMALL), run)
    assert (run / "weights.safetensors").exists()
