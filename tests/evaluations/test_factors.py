"""Factors read from an embedding: against scikit-learn's ridge, constructed spaces, and a run on generated shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_subjects import features
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import r2_score
from test_cli import SMALL, kinfolk

from kinfolk.core import registry
from kinfolk.datasets.shapes import PERIODS, TURNING
from kinfolk.load.images import load
from kinfolk.numerics.ridge import PENALTIES
from kinfolk.records.findings import Finding
from kinfolk.records.images import Images
from kinfolk.records.subject import Subject

SETTINGS = {"size": 8, "train": 600, "test": 400}


@pytest.fixture(scope="module")
def images() -> dict[str, Images]:
    return {role: load("shapes", role, settings=SETTINGS) for role in ("train", "test")}


def circular(images: Images) -> dict[str, np.ndarray]:
    """Every factor as a ridge should find it: angles as points on the circle."""
    found = {}
    for name, values in images.factors.items():
        turn = 2 * np.pi * values / PERIODS.get(name, 1)
        found[name] = np.stack([np.cos(turn), np.sin(turn)], 1) if name in PERIODS else values[:, None]
    return found


def read(images: dict[str, Images], vectors: dict[str, np.ndarray]) -> dict[str, Finding]:
    made = {(role, "h"): features(vectors[role], part.labels, role, "shapes") for role, part in images.items()}
    found = registry.build("evaluations", "factors").measure(Subject("made", made, images))
    assert [f.name for f in found] == ["factor"] * (len(found) - 1) + ["factors"]
    assert len(found[-1].data["rows"]) == len(found) - 1
    return {f.protocol["factor"]: f for f in found[:-1]}


def mixed(images: dict[str, Images], noise: float = 0.0) -> dict[str, np.ndarray]:
    """All factors and the class, mixed by one random matrix, with noise."""
    random = np.random.default_rng(0)
    whole = {role: np.concatenate([*circular(part).values(), np.eye(10)[part.labels]], 1)
             for role, part in images.items()}
    mix = random.normal(size=(whole["train"].shape[1], 40))
    return {role: w @ mix + noise * random.normal(size=(len(w), 40)) for role, w in whole.items()}


def test_a_space_that_holds_the_factors_gives_them_all(images: dict[str, Images]) -> None:
    found = read(images, mixed(images))
    assert set(found) == {"class", *images["train"].factors}
    for name, f in found.items():
        assert f.value == pytest.approx(1, abs=0.01), name
        assert f.unit == ("accuracy" if name == "class" else "R2")


def test_factors_of_other_images_are_not_there(images: dict[str, Images]) -> None:
    random = np.random.default_rng(1)
    found = read(images, {role: v[random.permutation(len(v))] for role, v in mixed(images).items()})
    for name, f in found.items():
        assert f.value == pytest.approx(f.data["chance"], abs=0.3 if name == "rotation" else 0.15), name
        assert f.value < 0.2
        assert f.low < f.value < f.high


def test_the_figures_are_those_of_scikit_learns_ridge(images: dict[str, Images]) -> None:
    vectors = {role: v.astype(np.float32).astype(np.float64) for role, v in mixed(images, 1.5).items()}
    found = read(images, vectors)
    for name in ("x", "hue", "rotation"):
        kept = {role: np.isin(part.labels, [part.classes.index(c) for c in TURNING]) | (name != "rotation")
                for role, part in images.items()}
        x, other = (vectors[role][kept[role]] for role in ("train", "test"))
        y, wanted = (circular(images[role])[name][kept[role]] for role in ("train", "test"))
        centre, scale = x.mean(0), x.std(0)
        chosen = RidgeCV(PENALTIES, alpha_per_target=True).fit((x - centre) / scale, (y - y.mean(0)) / y.std(0))
        each = [Ridge(a).fit((x - centre) / scale, y[:, t]) for t, a in enumerate(np.ravel(chosen.alpha_))]
        guess = np.stack([model.predict((other - centre) / scale) for model in each], 1)
        value = r2_score(wanted, guess, multioutput="variance_weighted")
        assert 0.02 < value < 0.95
        assert found[name].value == pytest.approx(value, abs=1e-3)
        assert found[name].data["test_images"] == kept["test"].sum()
    assert found["rotation"].data["test_images"] < 200 < found["x"].data["test_images"] == 400


def test_an_angle_has_no_beginning(images: dict[str, Images]) -> None:
    """A space that holds only the angle as a number is read worse than one that holds the point on the circle."""
    number = {role: part.factors["hue"][:, None] for role, part in images.items()}
    point = {role: circular(part)["hue"] for role, part in images.items()}
    one, other = (read(images, vectors)["hue"].value for vectors in (number, point))
    assert one < 0.7 < 0.99 < other


def test_a_factor_that_does_not_vary_or_has_no_order_is_left_out(images: dict[str, Images]) -> None:
    still = {
        role: replace(part, factors={**part.factors, "x": np.ones(len(part))}, card={**part.card, "unordered": ("y",)})
        for role, part in images.items()
    }
    assert set(read(still, mixed(images))) == {"class", *images["train"].factors} - {"x", "y"}


def test_a_run_on_other_images_is_read_on_shapes_and_data_without_factors_are_refused(tmp_path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (48, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", images=images, test_images=images[:16])
    done = kinfolk("train", "--data", "mine.npz", "--method", "byol", *SMALL, "--epochs", 1, "--out", "run",
                   cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = kinfolk("evaluate", "run", "--only", "factors", "--no-floors", cwd=tmp_path)
    assert done.returncode == 2
    assert "factors cannot be measured on 'run': missing known factors (--data shapes)" in done.stderr
    done = kinfolk("evaluate", "run", "--data", "shapes", "--only", "factors", "--no-floors", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "factor (factor x" in done.stdout
    assert "Of what has a scale" in done.stdout
