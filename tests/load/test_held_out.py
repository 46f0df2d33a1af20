"""Held-out classes: never in training or its test, measured as OOD, and the same for the same seed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import samples

from kinfolk.core.errors import RequestError
from kinfolk.evaluate.export import export
from kinfolk.evaluate.measure import evaluate
from kinfolk.evaluate.named import of_run
from kinfolk.load.images import divided, images_of
from kinfolk.load.roles import roles
from kinfolk.records.features import Features
from kinfolk.records.features import load as load_features
from kinfolk.records.recipe import Data, Recipe
from kinfolk.records.run import Run
from kinfolk.train import train

NAMES = ("ant", "bee", "cat", "dog", "emu")


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Five classes, twelve training and six test images each."""
    root = tmp_path_factory.mktemp("animals")
    for split, count in (("train", 12), ("test", 6)):
        for c, name in enumerate(NAMES):
            for i in range(count):
                place = root / split / name / f"{i:02d}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                samples.png(place, samples.pixels(1, seed=100 * c + i + (50 if split == "test" else 0))[0])
    return str(root)


def test_named_classes_are_held_out(animals: str) -> None:
    data = Data(name=animals, held_out=("dog", "ant"), size=16)
    assert divided(data, 0) == (("bee", "cat", "emu"), ("ant", "dog"))
    images = images_of(data, "train", 0)
    assert images.classes == ("bee", "cat", "emu")
    assert not any(Path(o).parent.name in ("ant", "dog") for o in images.origins)
    found = roles(data, 16, 0)
    assert found["test"].classes == ("bee", "cat", "emu")
    assert len(found["ood_train"]) == 24
    assert len(found["ood_test"]) == 12
    assert {Path(o).parent.name for o in found["ood_test"].origins} == {"ant", "dog"}
    assert np.bincount(found["ood_test"].labels).tolist() == [6, 6]


def test_a_limit_takes_the_same_images_of_each_held_out_split_for_every_seed(animals: str) -> None:
    data = Data(name=animals, held_out=("dog", "ant"), limit=20)
    first, second = (roles(data, 16, seed, anomalies=animals, limit=7) for seed in (0, 1))
    for role in ("test", "ood_test", "anomalies"):
        assert len(first[role]) == 7
        assert first[role].origins == second[role].origins
        whole = roles(data, 16, 0, anomalies=animals)[role]
        assert set(first[role].origins) < set(whole.origins)
        assert first[role].fingerprint != whole.fingerprint
    assert len(first["train"]) == 20
    assert first["train"].origins != second["train"].origins
    assert len(first["ood_train"]) == 24


def test_a_number_of_classes_is_drawn_by_the_seed(animals: str) -> None:
    data = Data(name=animals, held_out_count=2)
    drawn = [divided(data, seed) for seed in range(8)]
    assert drawn == [divided(data, seed) for seed in range(8)]
    assert len(set(drawn)) > 2
    for seen, unseen in drawn:
        assert len(unseen) == 2
        assert sorted(seen + unseen) == list(NAMES)
    seen, unseen = divided(Data(name=animals, held_out=("emu",), held_out_count=1, classes=("ant", "bee", "emu")), 0)
    assert "emu" in unseen
    assert len(seen) == 1
    assert "cat" not in seen + unseen


@pytest.mark.parametrize(("data", "said"), [
    ({"held_out": ("dgo",)}, "Did you mean 'dog'"),
    ({"held_out": NAMES}, "none would be left"),
    ({"held_out_count": 5}, "none would be left"),
    ({"held_out_count": 6}, "none would be left"),
])
def test_what_cannot_be_held_out_is_refused(animals: str, data: dict, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        divided(Data(name=animals, **data), 0)


def trained(animals: str, out: Path, **data: object) -> Run:
    return train(Recipe.of({
        "data": {"name": animals, "size": 16, **data}, "method": {"hidden": 8, "out": 4},
        "encoder": {"name": "convnet", "channels": [8]}, "train": {"epochs": 1, "batch": 16, "threads": 1},
    }), out)


def test_evaluate_measures_them_without_being_asked(animals: str, tmp_path: Path) -> None:
    run = trained(animals, tmp_path / "run", held_out=["dog", "ant"])
    found = [f for f in evaluate(run, only=("ood",), floors=False) if f.kind == "score"]
    assert found
    assert all("held-out classes" in str(f.protocol["dataset"]) for f in found)
    assert all(f.protocol["classes"] == 2 for f in found)


def test_a_run_embeds_its_own_images_as_it_selected_them_and_others_whole(animals: str, tmp_path: Path) -> None:
    run = trained(animals, tmp_path / "run", held_out=["dog", "ant"], fraction=0.5)
    said = {split: export(of_run(run), split, tmp_path / f"{split}.npz") for split in ("train", "test", "all")}
    name, chosen = Path(animals).name, "data.held_out = ('dog', 'ant')"
    assert said["train"].endswith(f"18 vectors of 8 dimensions, 18 of {name} (train; {chosen}; data.fraction = 0.5)")
    assert said["test"].endswith(f"18 vectors of 8 dimensions, 18 of {name} (test; {chosen})")
    own = Features.load(tmp_path / "train.npz")
    assert own.index.tolist() == images_of(run.recipe.data, "train", 0).index.tolist()
    assert own.classes == ("bee", "cat", "emu")
    both = load_features(tmp_path / "all.npz")
    assert both["train"].origins == own.origins
    assert both["test"].origins == Features.load(tmp_path / "test.npz").origins
    whole = export(of_run(run, animals), "", tmp_path / "whole.npz")
    assert whole.endswith(f"60 vectors of 8 dimensions, 60 of {name} (train)")


def test_of_a_run_without_a_test_split_the_held_out_tenth_is_not_embedded(animals: str, tmp_path: Path) -> None:
    flat = str(Path(animals) / "train")
    run = trained(flat, tmp_path / "run")
    assert "54 of train (train)" in export(of_run(run), "", tmp_path / "own.npz")
    assert "6 of train (train[held out])" in export(of_run(run), "test", tmp_path / "rest.npz")
    assert "60 of train (train)" in export(of_run(run, flat), "", tmp_path / "whole.npz")


def test_images_without_a_label_are_left_out_and_counted(animals: str, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(animals, mixed)
    for number in range(3):
        samples.png(mixed / "train" / f"loose {number}.png", samples.pixels(1, seed=900 + number)[0])
    run = trained(str(mixed), tmp_path / "run", held_out=["dog"])
    said: list[str] = []
    evaluate(run, only=("ood",), floors=False, say=said.append)
    told = "train: 3 of 63 images were left out: they have no label, and classes were chosen or held out"
    assert said.count(told) == 1
    assert images_of(Data(name=str(mixed)), "train", 0).remarks == []
