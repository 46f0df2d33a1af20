"""A folder of few photos trains without a word of set-up."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.train import train
from kinfolk.train.prepare import batch, prepare
from kinfolk.train.validate import Validation

SMALL = {
    "encoder": {"name": "convnet", "channels": [8]},
    "train": {"epochs": 1, "threads": 1, "device": "cpu", "precision": "fp32"},
}


@pytest.mark.parametrize(
    ("images", "expected"), [(2, 2), (3, 2), (30, 8), (64, 32), (255, 64), (511, 128), (512, 256), (10**6, 256)]
)
def test_a_step_has_256_images_or_half_of_the_few_there_are(images: int, expected: int) -> None:
    assert batch(images) == expected


def test_forty_images_train_in_two_steps_and_the_recipe_says_so(tmp_path: Path) -> None:
    train(Recipe.of({**SMALL, "data": {"name": "digits", "limit": 40}}), tmp_path / "run")
    run = Run(tmp_path / "run")
    assert run.recipe.train.batch == 16
    assert [row["step"] for row in run.log if "terms" in row][-1] == 2


def test_fewer_held_out_images_than_a_batch_have_their_terms_too(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for i in range(60):
        noise = np.random.default_rng(i).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "photos" / f"{i}.png")
    material = prepare(Recipe.of({**SMALL, "data": {"name": str(tmp_path / "photos")}}))
    held_out = 60 - len(material.images)
    assert 2 <= held_out < material.recipe.train.batch
    validation = Validation(material)
    terms, _ = validation(material.objective, contextlib.nullcontext())
    assert terms.keys() == {"train", "test"}
    assert {maker.batches.batch for maker in validation.sets.values()} == {held_out}
    assert terms["test"]["total"] > 0


def test_a_finished_run_says_that_its_folder_holds_other_images_now(tmp_path: Path) -> None:
    random = np.random.default_rng(0)

    def take(name: str) -> None:
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / "photos" / name)

    (tmp_path / "photos").mkdir()
    for i in range(12):
        take(f"{i}.png")
    asked = Recipe.of({**SMALL, "data": {"name": str(tmp_path / "photos")}})
    train(asked, tmp_path / "run")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(asked, tmp_path / "run")
    take("more.png")
    with pytest.warns(UserWarning, match="held 12 images; it holds 13 now. Choose another --out"):
        train(asked, tmp_path / "run")
