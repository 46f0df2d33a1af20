"""Methods that paint, from a recipe to a report: trained, stopped and resumed, embedded, measured, shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinfolk.core.errors import RequestError
from kinfolk.embed import embed, embedder, latents, save_latents
from kinfolk.evaluate import evaluate
from kinfolk.evaluate.opened import opened
from kinfolk.load.images import images_of
from kinfolk.neighbours import find
from kinfolk.records.features import Features
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.report.write import write
from kinfolk.train import train
from kinfolk.train.loop import Trainer

METHODS: dict[str, dict[str, Any]] = {
    "autoencoder": {"channels": 4},
    "vae": {"channels": 4, "latent": 8},
    "vq_vae": {"channels": 4, "codes": 16, "width": 4},
    "autodecoder": {"channels": 4, "latent": 8, "steps": 3},
}


SPLIT = [f"{method} {split}" for method in ("vae", "vq_vae") for split in ("end", "middle")]


def recipe(kind: str) -> Recipe:
    """A method, or one whose h an auxiliary splits, such as ``vae end``."""
    method, _, split = kind.partition(" ")
    given: dict[str, Any] = {
        "data": {"name": "digits", "limit": 96, "settings": {"train": 200, "test": 100}},
        "method": {"name": method, **METHODS[method]},
        "train": {"epochs": 2, "batch": 32, "threads": 1},
    }
    if method != "autodecoder":
        given["encoder"] = {"name": "convnet", "channels": [8, 16]}
    if split:
        given["views"] = {"augmentations": ["crop", "flip", "jitter"]}
        given["auxiliaries"] = [{"name": "augmentation_prediction", "hidden": 8, "split": split}]
    return Recipe.of(given)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("runs")
    return {kind: train(recipe(kind), folder / kind.replace(" ", "-")) for kind in [*METHODS, *SPLIT]}


@pytest.mark.parametrize("method", METHODS)
def test_measured_and_shown(method: str, runs: dict[str, Run], tmp_path: Path) -> None:
    run = runs[method]
    found = evaluate(run, only=("knn", "reconstruction"), floors=method == "autodecoder")
    names = {f.name for f in found}
    assert {"knn", "reconstruction", "reconstructions"} <= names
    assert ("samples" in names) == (method in ("vae", "autodecoder"))
    assert {f.subject for f in found} == {method} | ({"pixels", "histogram"} if method == "autodecoder" else set())
    sheet = next(f for f in found if f.name == "reconstructions")
    assert sheet.arrays["pictures"].shape == (20, 32, 32, 3)
    text = write([run.folder], tmp_path / "report.html").read_text("utf-8")
    assert "Images and what is painted of them" in text
    payload = json.loads(text.split('id="payload" type="application/json">')[1].split("</script>")[0])
    assert f"Images and what is painted of them of {method}" in [s["name"] for s in payload["sets"]]


@pytest.mark.parametrize("kind", SPLIT)
def test_a_split_embedding_is_kept_and_measured_whole(kind: str, runs: dict[str, Run]) -> None:
    width = {"vae end": 8, "vae middle": 8 + 4, "vq_vae end": 16, "vq_vae middle": 16 + 4}[kind]
    images = images_of(runs[kind].recipe.data, "train", 0)
    assert embed(embedder(runs[kind]), images).vectors.shape == (96, width)
    found = evaluate(runs[kind], only=("knn", "reconstruction"), floors=False)
    assert {"knn", "reconstruction", "reconstructions"} <= {f.name for f in found}


@pytest.mark.parametrize("method", [*METHODS, *SPLIT])
def test_stopped_in_the_middle_it_ends_the_same(
    method: str, runs: dict[str, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, calls = Trainer.step, []

    def broken(self: Trainer, *position: int) -> None:
        calls.append(position)
        if len(calls) == 5:
            raise KeyboardInterrupt
        step(self, *position)

    monkeypatch.setattr(Trainer, "step", broken)
    with pytest.raises(KeyboardInterrupt):
        train(recipe(method), tmp_path / "run")
    train(recipe(method), tmp_path / "run")
    for name in ("weights.safetensors", "log.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (runs[method].folder / name).read_bytes(), name


def test_latents_of_training_are_a_space_of_their_own(runs: dict[str, Run], tmp_path: Path) -> None:
    run = runs["autodecoder"]
    assert save_latents(run, run.recipe.data, "train", tmp_path / "latents.npz") == 96
    found = Features.load(tmp_path / "latents.npz")
    inferred = embed(embedder(run), images_of(run.recipe.data, "train", run.recipe.seed))
    assert (found.layer, found.split, inferred.layer) == ("latents", "train", "h")
    assert (opened(str(run.folder)).on().layer("latents", tmp_path).vectors == found.vectors).all()
    rows = np.searchsorted(inferred.index, found.index)
    assert (inferred.index[rows] == found.index).all()
    assert inferred.vectors.shape[1] == found.vectors.shape[1]
    assert np.abs(inferred.vectors[rows] - found.vectors).max() > 0.01
    with pytest.raises(RequestError, match="was trained on, and for no others"):
        save_latents(run, run.recipe.data, "test", tmp_path / "x.npz")
    with pytest.raises(RequestError, match="keeps no latents"):
        latents(runs["vae"], runs["vae"].recipe.data)


def test_an_image_that_no_step_held_has_no_latent(tmp_path: Path) -> None:
    given = recipe("autodecoder").plain()
    given["train"] |= {"epochs": 1, "batch": 64}
    run = train(Recipe.of(given), tmp_path / "run")
    with pytest.warns(UserWarning, match="32 of the 96 images that 'run' was trained on were in none of its steps"):
        found = latents(run, run.recipe.data)
    assert len(found) == 64
    lists = find(found, 3)
    assert set(lists.nearest.ravel()) <= set(found.index)
    with pytest.raises(RequestError, match="found among 64 images of it, 64 of which are among these"):
        lists.check(images_of(run.recipe.data, "train", run.recipe.seed))


def test_values_that_are_only_watched_are_in_the_log_and_not_in_the_total(runs: dict[str, Run]) -> None:
    for method, name in (("vae", "active_units"), ("vq_vae", "perplexity")):
        row = next(r for r in runs[method].log if "terms" in r)
        rest = {k: v for k, v in row["terms"].items() if k != name}
        weights = {"commitment": 0.25}
        assert row["terms"][name] >= 0
        assert row["total"] == pytest.approx(sum(weights.get(k, 1.0) * v for k, v in rest.items()), rel=1e-5)
