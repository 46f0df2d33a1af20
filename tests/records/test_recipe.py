"""Recipes: defaults filled in, written and read back the same, differences named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.records.differences import differences
from kinfolk.records.recipe import DEFAULT_AUGMENTATIONS, Recipe
from kinfolk.records.request import put, request


@pytest.mark.parametrize("name", sorted(p.stem for p in (registry.PACKAGE / "recipes").glob("*.toml")))
def test_shipped_recipes_resolve(name: str) -> None:
    assert Recipe.load(registry.PACKAGE / "recipes" / f"{name}.toml").data.name


def test_a_recipe_survives_its_file(tmp_path: Path) -> None:
    given = {
        "seed": 3,
        "data": {"name": "digits", "limit": 100, "settings": {"train": 500}},
        "views": {"augmentations": [{"name": "crop", "scale": [0.5, 1.0]}, {"name": "blur", "p": 0.1}]},
        "method": {"name": "vicreg", "variance": 0.0},
        "train": {"clip": 1.0},
    }
    made = Recipe.of(given)
    path = tmp_path / "recipe.toml"
    path.write_text(made.text())
    assert Recipe.load(path) == made
    assert made.augmentations[0].settings["scale"] == (0.5, 1.0)
    assert made.data.settings["train"] == 500
    assert made.method.settings["invariance"] == 25.0


def test_set_reaches_every_level() -> None:
    values: dict = {}
    pairs = ("seed=4", "train.lr=0.1", "method.name=vicreg", "method.variance=0", "views.augmentations.jitter.hue=0")
    for pair in pairs:
        put(values, pair)
    made = Recipe.of(values)
    assert (made.seed, made.train.lr, made.method.settings["variance"]) == (4, 0.1, 0.0)
    jitter = next(c for c in made.augmentations if c.name == "jitter")
    assert jitter.settings["hue"] == 0.0
    assert [c.name for c in made.augmentations] == list(DEFAULT_AUGMENTATIONS)


def test_a_method_brings_defaults_that_suit_it_and_the_user_has_the_last_word() -> None:
    plain = Recipe.of({"method": {"name": "autoencoder"}})
    assert (plain.views.count, plain.augmentations) == (1, ())
    asked = Recipe.of({"method": {"name": "autoencoder"}, "views": {"count": 2, "augmentations": "flip"}})
    assert (asked.views.count, [c.name for c in asked.augmentations]) == (2, ["flip"])
    assert Recipe.of(plain.plain()) == plain


@pytest.mark.parametrize("listed", ["augmentation_prediction, reconstruction", ["augmentation_prediction"]])
def test_set_reaches_auxiliaries_by_name(listed) -> None:
    values: dict = {"auxiliaries": listed}
    put(values, "auxiliaries.augmentation_prediction.weight=0.5")
    made = Recipe.of(values)
    assert made.auxiliaries[0].settings["weight"] == 0.5
    assert len(made.auxiliaries) == len(listed.split(",") if isinstance(listed, str) else listed)
    with pytest.raises(RequestError, match="first --set auxiliaries=reconstruction"):
        put({}, "auxiliaries.reconstruction.weight=0.5")
    with pytest.raises(RequestError, match="Did you mean 'augmentation_prediction'"):
        put(values, "auxiliaries.augmentation_predicton.weight=0.5")


def test_differences_are_named() -> None:
    one = Recipe.of({"train": {"lr": 0.1}, "method": {"name": "vicreg"}})
    two = Recipe.of({"train": {"lr": 0.2}, "method": {"name": "vicreg", "variance": 1.0}})
    assert differences(one, two) == {"train.lr": (0.1, 0.2), "method.variance": (25.0, 1.0)}
    assert differences(one, one) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metod": {}}, "Did you mean 'method'"),
        ({"train": 3}, r"\[train\] must be a table"),
        ({"method": {"temperature": 0}}, r"float in \(0, inf\)"),
        ({"views": {"augmentations": [{"p": 0.5}]}}, "needs a name"),
        ({"views": {"augmentations": "crop,flop"}}, "Did you mean 'flip'"),
        ({"data": {"name": "x.npz", "settings": {"a": 1}}}, "belong to generated datasets"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_wrong_recipes_are_refused(given: dict, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Recipe.of(given)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("[train\n")
    with pytest.raises(RequestError, match=r"x\.toml' is not a recipe"):
        Recipe.load(tmp_path / "x.toml")


def test_a_folder_in_the_place_of_a_recipe_is_told_to_be_data(tmp_path: Path) -> None:
    told = f"'{tmp_path}' is not a recipe. To train on what lies there: --data {tmp_path}."
    with pytest.raises(RequestError, match=re.escape(told)):
        request(str(tmp_path), {}, [])
