"""What is read of a view's parameters: constructed spaces whose answer is known, and a run with a head of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from made_subjects import SIZE, as_trained, features
from sklearn.linear_model import Ridge

from kinfolk.core import registry, seeds
from kinfolk.evaluate import evaluate
from kinfolk.evaluate.alter import as_trained as views_of
from kinfolk.load.views import Pipeline, normalise
from kinfolk.nn.targets import Targets
from kinfolk.numerics import ridge
from kinfolk.records.findings import Finding
from kinfolk.records.images import Images
from kinfolk.records.recipe import Recipe
from kinfolk.records.subject import Subject
from kinfolk.train import train
from kinfolk.train.prepare import augmentations

CHAIN = ["crop", "flip", "jitter", "grayscale", "blur"]


def plain(encode) -> Subject:
    """A subject over images of one colour, red, green or blue, each of a brightness of its own."""
    images, found = {}, {}
    for seed, (role, count) in enumerate((("train", 600), ("test", 400))):
        random = np.random.default_rng(10 + seed)
        tint = random.integers(0, 3, count)
        pixels = np.zeros((count, 3, SIZE, SIZE), dtype=np.uint8)
        pixels[np.arange(count), tint] = random.integers(90, 250, count)[:, None, None]
        labels = np.zeros(count, dtype=np.int64)
        index = np.arange(count)
        images[role] = Images(pixels, labels, ("one",), index, [""] * count, "made", role, "made-fingerprint")
        found[role, "h"] = features(encode(pixels), labels, role)
    return Subject("plain", found, images, encode, recipe_views=as_trained)


def read(subject: Subject) -> dict[tuple[str, str], Finding]:
    found = registry.build("diagnostics", "augmentation_read_out").measure(subject)
    return {(f.protocol["parameter"], f.protocol["reader"]): f for f in found if f.kind == "score"}


def test_how_much_darker_a_view_is_can_only_be_read_beside_its_original() -> None:
    """The logarithm of the sum of the channels, and whether there is a colour."""

    def encode(pixels: np.ndarray) -> np.ndarray:
        mean = pixels.astype(np.float64).mean((2, 3))
        return np.stack([np.log(mean.sum(1) + 1), mean.max(1) > 1.5 * mean.min(1) + 1], 1).astype(np.float32)

    found = read(plain(encode))
    alone, beside = (found["dark.factor", f"ridge-{what}"] for what in ("view", "original"))
    assert 0.5 < alone.value < 0.9 < beside.value
    assert beside.low < beside.value < beside.high
    assert found["grey.flag", "ridge-view"].value == 1


def test_a_space_that_knows_nothing_of_views_reads_nothing() -> None:
    random = np.random.default_rng(5)
    found = read(plain(lambda pixels: random.normal(size=(len(pixels), 6))))
    assert found["dark.factor", "ridge-view"].value == pytest.approx(0, abs=0.03)
    flag = found["grey.flag", "ridge-view"]
    assert flag.value == pytest.approx(flag.data["chance"], abs=0.02)


def test_views_and_parameters_are_those_of_training() -> None:
    recipe = Recipe.of({"views": {"size": 16, "augmentations": CHAIN}})
    pixels = np.random.default_rng(0).integers(0, 256, (64, 3, 20, 20), dtype=np.uint8)
    views, found = views_of(recipe, pixels, 3)
    pipeline = Pipeline(augmentations(recipe.augmentations), 16)
    drawn = pipeline.draw(64, seeds.generator(3, "evaluation"))
    expected = pipeline.view(torch.from_numpy(pixels), drawn)
    assert (normalise(torch.from_numpy(views)) - expected).abs().max() <= 0.5 / 255 / 0.25 + 1e-5
    targets = Targets(pipeline.draw(2000, seeds.generator(0, "evaluation")), {"jitter.hue"})
    assert set(found) == set(targets.names)
    assert all(values.shape == (64, 2 if name == "jitter.hue" else 1) for name, values in found.items())
    assert np.allclose(found["crop.extent[1]"][:, 0], drawn["crop"]["extent"][:, 1].numpy())
    assert np.allclose(found["jitter.hue"][:, 1], np.sin(2 * np.pi * drawn["jitter"]["hue"].numpy()), atol=1e-6)


def test_predictions_are_those_of_a_ridge_regression() -> None:
    random = np.random.default_rng(1)
    x, other = 5 + 3 * random.normal(size=(80, 4)), 5 + 3 * random.normal(size=(30, 4))
    y = x @ random.normal(size=(4, 2)) + 7 + random.normal(size=(80, 2))
    centre, scale = x.mean(0), x.std(0)
    best = [min(ridge.PENALTIES, key=lambda p, t=t: left_out((x - centre) / scale, y[:, t], p)) for t in range(2)]
    wanted = [
        Ridge(p).fit((x - centre) / scale, y[:, t]).predict((other - centre) / scale) for t, p in enumerate(best)
    ]
    assert ridge.predicted(x, y, other) == pytest.approx(np.stack(wanted, 1), rel=1e-6)


def left_out(x: np.ndarray, y: np.ndarray, penalty: float) -> float:
    """The squared error of leaving out every row in turn."""
    rows = np.arange(len(x))
    return sum(
        float((Ridge(penalty).fit(x[rows != i], y[rows != i]).predict(x[i : i + 1])[0] - y[i]) ** 2) for i in rows
    )


def test_a_runs_own_head_stands_beside_the_ridge(tmp_path: Path) -> None:
    run = train(Recipe.of({
        "data": {"name": "digits", "limit": 64, "settings": {"train": 200, "test": 100}},
        "encoder": {"name": "convnet", "channels": [8, 16]},
        "method": {"name": "byol", "hidden": 16, "out": 8},
        "auxiliaries": [{"name": "augmentation_prediction", "hidden": 16}],
        "views": {"augmentations": CHAIN},
        "train": {"epochs": 1, "batch": 32, "threads": 1},
    }), tmp_path / "run")
    found = evaluate(run, only=("augmentation_read_out",), floors=False)
    table = next(f for f in found if f.kind == "table")
    assert table.data["columns"] == [
        "parameter", "unit", "ridge-view", "ridge-original", "augmentation_prediction.online", "chance",
    ]
    seen = [row for row in run.log if "validation_measures" in row][-1]["validation_measures"]["test"]
    rows = {row[0]: row for row in table.data["rows"]}
    assert rows["crop.centre[0]"][4] == seen["augmentation_prediction.online.R2.crop.centre[0]"]
    assert rows["flip.flag"][4] == seen["augmentation_prediction.online.accuracy.flip.flag"]
    assert rows["flip.flag"][1] == "accuracy"
    assert {name.partition(".")[0] for name in rows} == set(CHAIN)
