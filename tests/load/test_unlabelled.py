"""A split of images without labels is what is trained on; neighbours and probes learn from the labelled train."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import samples

from kinfolk.core.errors import RequestError
from kinfolk.evaluate import ceiling, evaluate
from kinfolk.evaluate.export import export
from kinfolk.evaluate.named import of_run
from kinfolk.evaluate.opened import opened
from kinfolk.evaluate.watch import Watch
from kinfolk.load.images import images_of, load, settled
from kinfolk.load.roles import bank, roles
from kinfolk.records.features import Features
from kinfolk.records.recipe import Data, Recipe
from kinfolk.train import train

COUNTS = {"train": 30, "unlabeled": 40, "test": 20}


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same images as STL-10's binary files, as folders, as parquet shards and as one npz."""
    root = tmp_path_factory.mktemp("apart")
    samples.stl10(root / "stl10", **COUNTS)
    arrays, begin = {}, 0
    images = samples.pixels(sum(COUNTS.values()), 96)
    for split, count in COUNTS.items():
        part, labels = images[begin : begin + count], np.arange(begin, begin + count) % 10
        known = split != "unlabeled"
        files = []
        for number, (image, label) in enumerate(zip(part, labels, strict=True)):
            home = root / "folder" / split
            files.append(samples.png((home / f"c{label}" if known else home) / f"{number:02d}.png", image).read_bytes())
        samples.shard(root / "parquet" / f"{split}-00000-of-00001.parquet", files, labels.tolist() if known else None)
        prefix = {"train": "", "test": "test_", "unlabeled": "unlabeled_"}[split]
        arrays |= {f"{prefix}images": part} | ({f"{prefix}labels": labels} if known else {})
        begin += count
    np.savez(root / "data.npz", **arrays)
    return {name: root / name for name in ("stl10", "folder", "parquet", "data.npz")}


@pytest.fixture(scope="module")
def run(layouts: dict[str, Path], tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    asked = Recipe.of({
        "data": {"name": str(layouts["stl10"]), "size": 16, "limit": 32}, "method": {"hidden": 8, "out": 4},
        "encoder": {"name": "convnet", "channels": [8]}, "train": {"epochs": 1, "batch": 16, "threads": 1},
    })
    return train(asked, tmp_path_factory.mktemp("runs") / "run", [Watch(("knn", "similarity"))])


@pytest.mark.parametrize("layout", ["stl10", "folder", "parquet", "data.npz"])
def test_each_layout_trains_on_the_unlabelled_and_is_measured_on_the_labelled(
    layouts: dict[str, Path], layout: str
) -> None:
    data = Data(name=str(layouts[layout]), limit=8)
    assert settled(data).split == "unlabeled"
    trained, found = images_of(data, data.split, 0), roles(data, "auto", 0)
    assert (len(trained), trained.labelled) == (8, False)
    assert [(len(part), part.split) for part in found.values()] == [(30, "train"), (20, "test")]
    assert all((part.labels >= 0).all() for part in found.values())
    whole = samples.pixels(90, 96).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(load(data.name, "unlabeled").pixels, whole[30:70])
    np.testing.assert_array_equal(np.sort(found["test"].pixels, axis=0), np.sort(whole[70:], axis=0))
    labelled = Data(name=data.name, split="train", limit=8)
    assert settled(labelled) == labelled
    assert len(bank(labelled, 0)) == 8


def test_unlabelled_images_alone_are_their_own_bank(layouts: dict[str, Path], tmp_path: Path) -> None:
    for part in ("unlabeled", "test"):
        shutil.copy(layouts["parquet"] / f"{part}-00000-of-00001.parquet", tmp_path)
    found = roles(Data(name=str(tmp_path)), 16, 0)
    assert [(len(part), part.split) for part in found.values()] == [(40, "unlabeled"), (20, "test")]


def test_a_run_says_on_what_it_trained_and_was_measured(run) -> None:  # type: ignore[no-untyped-def]
    assert run.recipe.data.split == "unlabeled"
    watched = run.log[-1]["watch"]
    assert 0 <= watched["knn"] <= 1
    found = evaluate(run, only=("knn", "spectrum"), floors=False)
    scores = {f.name: f for f in found if f.kind == "score"}
    assert {k: scores["knn"].protocol[k] for k in ("train", "train_size", "test", "test_size")} == {
        "train": "train", "train_size": 30, "test": "test", "test_size": 20,
    }
    assert scores["rank_me"].protocol["train"] == "train"


def test_its_own_embedding_is_of_what_it_trained_on(run, layouts: dict[str, Path], tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    said = export(of_run(run), "", tmp_path / "own.npz")
    assert said.endswith("32 vectors of 8 dimensions, 32 of stl10 (unlabeled; data.limit = 32)")
    own = Features.load(tmp_path / "own.npz")
    expected = images_of(run.recipe.data, "unlabeled", 0)
    assert own.index.tolist() == expected.index.tolist()
    assert "30 of stl10 (train)" in export(of_run(run), "train", tmp_path / "labelled.npz")
    both = export(of_run(run), "all", tmp_path / "both.parquet")
    assert both.endswith("50 vectors of 8 dimensions, 30 of stl10 (train) and 20 of stl10 (test)")
    other = export(of_run(run, str(layouts["folder"])), "", tmp_path / "other.npz")
    assert other.endswith("30 vectors of 8 dimensions, 30 of folder (train)")
    with pytest.raises(RequestError, match="holds vectors already"):
        export(opened(str(tmp_path / "own.npz")), "", tmp_path / "again.npz")


def test_the_ceiling_beside_it_is_the_supervised_run_on_the_labelled(run) -> None:  # type: ignore[no-untyped-def]
    values = run.recipe.plain()
    assert ceiling.beside(run) is None
    values |= {"data": {**values["data"], "split": "train"}, "method": {"name": "supervised"}}
    labelled = train(Recipe.of(values), run.folder.parent / "labelled")
    assert ceiling.beside(run).folder == labelled.folder.resolve()
    assert ceiling.beside(labelled) is None


def test_labels_are_asked_for_where_there_are_none(layouts: dict[str, Path], tmp_path: Path) -> None:
    values = {"data": {"name": str(layouts["stl10"])}, "train": {"batch": 8, "threads": 1}}
    with pytest.raises(RequestError, match=r"uses labels, but stl10 \(unlabeled\) has none; .*data\.split=NAME"):
        train(Recipe.of({**values, "method": {"name": "supervised"}}), tmp_path / "r")
    with pytest.raises(RequestError, match=r"stl10' \(unlabeled\) has no labels: classes .* cannot be chosen"):
        train(Recipe.of({**values, "data": {**values["data"], "held_out": ["cat"]}}), tmp_path / "r")
    assert not (tmp_path / "r").exists()
