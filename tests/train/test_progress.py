"""What a training says of how far it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.train.prepare import prepare
from kinfolk.train.progress import Progress

SMALL = {"encoder": {"name": "convnet", "channels": [8]}, "train": {"epochs": 2, "threads": 1, "device": "cpu"}}


@pytest.mark.parametrize(
    ("asked", "purpose"),
    [
        ({}, "only to measure"),
        ({"method": {"name": "supervised"}}, "in training"),
        ({"positives": {"name": "same_class"}}, "in training"),
    ],
)
def test_subfolders_are_labels_and_it_says_what_for(
    asked: dict, purpose: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "abcdefg":
        (tmp_path / name).mkdir()
        for i in range(6):
            noise = np.random.default_rng(i).integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / name / f"{i}.png")
    material = prepare(Recipe.of({**SMALL, **asked, "data": {"name": str(tmp_path)}}))
    Progress().started(material, Run(tmp_path / "run"), 8, 0)
    assert f"labels, used {purpose}: a, b, c, d, e and 2 more\n" in capsys.readouterr().err


@pytest.mark.parametrize(("done", "epoch"), [(1, 1), (3, 1), (4, 2), (7, 2), (8, 2)])
def test_a_run_that_goes_on_says_in_which_epoch(done: int, epoch: int, capsys: pytest.CaptureFixture[str]) -> None:
    material = prepare(Recipe.of({**SMALL, "data": {"name": "digits", "limit": 40}}))
    Progress().started(material, Run(Path("run")), 8, done)
    said = capsys.readouterr().err
    assert f"going on in epoch {epoch} of 2, at step {done} of 8" in said
    assert "labels" not in said, "published sets are known"
