"""What a training says of how far it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.train.prepare import prepare
from kinfolk.train.progress import Progress, lasting


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (89.4, "89 s"), (90, "1.5 min"), (7199, "120.0 min"), (7200, "2.0 h")]
)
def test_how_long_is_said_in_the_unit_that_fits(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


@pytest.mark.parametrize(("done", "epoch"), [(1, 1), (3, 1), (4, 2), (7, 2)])
def test_a_run_that_goes_on_says_in_which_epoch(done: int, epoch: int, capsys: pytest.CaptureFixture[str]) -> None:
    small = {"encoder": {"name": "convnet", "channels": [8]}, "train": {"epochs": 2, "threads": 1, "device": "cpu"}}
    material = prepare(Recipe.of({**small, "data": {"name": "digits", "limit": 40}}))
    Progress().started(material, Run(Path("run")), 8, done)
    assert f"going on in epoch {epoch} of 2, at step {done} of 8" in capsys.readouterr().err
