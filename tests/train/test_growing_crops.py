"""Crops that grow over training: their sides, what a killed run goes on with, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import kinfolk.train.loop as loop
from kinfolk.core.errors import RequestError
from kinfolk.load.pairs import Pairs
from kinfolk.records.recipe import Recipe, Views
from kinfolk.train import sizes, train
from kinfolk.train.cost import cost

SMALL = {
    "data": {"name": "digits", "limit": 64},
    "views": {"size": 24, "first_size": 14},
    "encoder": {"name": "convnet", "channels": [8]},
    "train": {"epochs": 3, "batch": 16, "threads": 1, "device": "cpu", "precision": "fp32"},
}


def test_sides_rise_by_four_to_the_last_each_for_as_long() -> None:
    views = Views(size=24, first_size=14)
    assert sizes.sides(views) == [14, 18, 22, 24]
    assert [sizes.at(step / 8, views) for step in range(8)] == [14, 14, 18, 18, 22, 22, 24, 24]
    assert sizes.sides(Views(size=24)) == [24]
    assert sizes.at(0.0, Views(size=24)) == sizes.at(0.999, Views(size=24)) == 24


def test_training_sees_them_validation_does_not_and_a_killed_run_goes_on_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, plain = {"views": [], "validation": set()}, Pairs.views

    def recorded(self, *rest, **more):
        views = plain(self, *rest, **more)
        side = views.pixels[0].shape[-1]
        seen["validation"].add(side) if self.stream == "validation" else seen["views"].append(side)
        return views

    monkeypatch.setattr(Pairs, "views", recorded)
    whole = train(Recipe.of(SMALL), tmp_path / "whole")
    assert seen == {"views": [14] * 3 + [18] * 3 + [22] * 3 + [24] * 3, "validation": {24}}

    ended = loop.Trainer.end_epoch

    def killed(self, epoch, step, speed):
        ended(self, epoch, step, speed)
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "end_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            train(Recipe.of(SMALL), tmp_path / "cut")
    cut = train(Recipe.of(SMALL), tmp_path / "cut")
    digests = [hashlib.sha256(run.weights.read_bytes()).hexdigest() for run in (whole, cut)]
    assert digests[0] == digests[1]


def test_cost_measures_every_side(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, plain = [], Pairs.views

    def recorded(self, *rest, **more):
        views = plain(self, *rest, **more)
        seen.append(views.pixels[0].shape[-1])
        return views

    monkeypatch.setattr(Pairs, "views", recorded)
    cost(Recipe.of(SMALL))
    assert seen == [14] * 4 + [18] * 3 + [22] * 3 + [24] * 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"views": {"size": 24, "first_size": 24}}, "does not grow: views.size is 24"),
        ({"views": {"first_size": 14, "augmentations": ["flip"]}}, "needs the augmentation 'crop'"),
        ({"method": {"name": "autoencoder"}, "views": {"size": 24, "first_size": 16, "augmentations": ["crop"]}},
         "'autoencoder' paints images of one size"),
        ({"auxiliaries": [{"name": "reconstruction", "mode": "decoder"}]}, "'reconstruction' paints images"),
        ({"encoder": {"name": "alexnet"}, "views": {"size": 24, "first_size": 8}}, "takes no views of 8 px"),
    ],
)
def test_what_cannot_grow_is_refused(given: dict, said: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=said):
        train(Recipe.of({**SMALL, **given}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
