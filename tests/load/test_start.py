"""Starting from weights: a run's or a file's, mismatches by name, frozen or not, and refused once changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision_names import expected

from kinfolk.core.errors import RequestError
from kinfolk.embed import embedder
from kinfolk.evaluate.measure import evaluate
from kinfolk.evaluate.opened import opened
from kinfolk.load.images import load
from kinfolk.load.network import build, settled
from kinfolk.records.recipe import Recipe, Start
from kinfolk.train import train

SMALL = {"data": {"name": "digits", "limit": 64}, "train": {"epochs": 1, "batch": 32, "threads": 1}}
NET = {"name": "convnet", "channels": [8, 16]}


def recipe(method: str = "byol", **encoder: object) -> Recipe:
    return Recipe.of({**SMALL, "encoder": {**NET, **encoder}, "method": {"name": method, "hidden": 8, "out": 8}})


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory):
    """A finished run of another method and seed."""
    asked = Recipe.of({**SMALL, "seed": 5, "encoder": NET, "method": {"name": "simclr", "hidden": 8, "out": 8}})
    return train(asked, tmp_path_factory.mktemp("runs") / "first")


def encoder_of(path: Path) -> dict[str, torch.Tensor]:
    return {k.removeprefix("encoder."): v for k, v in load_file(path).items() if k.startswith("encoder.")}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(v, other[k]) for k, v in one.items())


def test_a_run_and_a_file_of_its_encoder_start_the_same_and_a_teacher_too(first, tmp_path):
    wanted = encoder_of(first.weights)
    save_file(wanted, tmp_path / "encoder.safetensors")
    for place in (first.folder, tmp_path / "encoder.safetensors"):
        method = build(recipe(weights=str(place)), 24, begin=True)
        assert equal(method.encoder.state_dict(), wanted)
        slow = {k: v for k, v in method.state_dict().items() if "teacher" in k and "encoder" in k}
        assert any(torch.equal(v, wanted["stem.weight"]) for v in slow.values())
    assert not equal(build(recipe(weights=str(first.folder)), 24).encoder.state_dict(), wanted)


def test_frozen_only_the_rest_is_trained(first, tmp_path):
    run = train(recipe(weights=str(first.folder), frozen=True), tmp_path / "frozen")
    assert equal(encoder_of(run.weights), encoder_of(first.weights))
    moved = train(recipe(weights=str(first.folder)), tmp_path / "moved")
    assert not equal(encoder_of(moved.weights), encoder_of(first.weights))
    stored = run.recipe.start
    assert (stored.weights, stored.frozen) == (str(first.folder), True)
    assert len(stored.digest) == 16


def test_mismatches_are_listed_by_name(first, tmp_path):
    shapes = r"blocks\.1\.conv1\.weight is \(16, 8, 3, 3\), the encoder's \(32, 8, 3, 3\)"
    with pytest.raises(RequestError, match=shapes):
        build(recipe(weights=str(first.folder), channels=[8, 32]), 24, begin=True)
    with pytest.raises(RequestError, match=r"2 of \d+ weights: fc\.weight is absent; fc\.bias is absent"):
        build(recipe(weights=str(first.folder), out=10), 24, begin=True)
    more = {**encoder_of(first.weights), "classifier.weight": torch.zeros(3)}
    save_file(more, tmp_path / "more.safetensors")
    with pytest.warns(UserWarning, match=r"left out: classifier\.weight"):
        build(recipe(weights=str(tmp_path / "more.safetensors")), 24, begin=True)
    (tmp_path / "text.safetensors").write_text("no weights, but long enough to be read as a header")
    for name, said in (("text.safetensors", "is not a safetensors file"), ("gone", "no such file or finished run")):
        with pytest.raises(RequestError, match=said):
            build(recipe(weights=str(tmp_path / name)), 24, begin=True)


def test_weights_that_changed_are_refused_when_a_run_goes_on(first, tmp_path):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(first.weights.read_bytes())
    began = settled(Start(weights=str(copy)))
    assert settled(began) == began
    save_file({k: v + 1 for k, v in load_file(first.weights).items()}, copy)
    with pytest.raises(RequestError, match="has changed since the run began"):
        settled(began)
    assert settled(Start()).digest == "none"


def test_a_frozen_encoder_with_nothing_beside_it_is_refused(tmp_path):
    mine = tmp_path / "bare.py"
    mine.write_text("from kinfolk.methods import Method\n\n\nclass Bare(Method):\n    uses = frozenset()\n")
    asked = Recipe.of({**SMALL, "encoder": {**NET, "frozen": True}, "method": {"name": str(mine)}})
    with pytest.raises(RequestError, match="nothing is left to train"):
        build(asked, 24, begin=True)


def test_a_file_with_torchvisions_names_is_a_start_and_a_subject_and_a_run_leaves_such_a_file(tmp_path):
    generator = torch.Generator().manual_seed(0)
    shapes = {**expected(18), "fc.weight": (1000, 512), "fc.bias": (1000,)}
    theirs = {
        k: torch.tensor(7) if not shape else torch.rand(shape, generator=generator) * 0.1 for k, shape in shapes.items()
    }
    save_file(theirs, tmp_path / "resnet18.safetensors")
    asked = Recipe.of({
        "data": {"name": "digits", "limit": 64}, "train": {"epochs": 1, "batch": 32, "threads": 1},
        "encoder": {"name": "resnet", "stem": "7x7", "weights": str(tmp_path / "resnet18.safetensors"), "frozen": True},
        "method": {"name": "simclr", "hidden": 8, "out": 8},
    })
    with pytest.warns(UserWarning, match=r"left out: fc\.bias; fc\.weight"):
        run = train(asked, tmp_path / "run")
    left = load_file(run.encoder)
    assert {k: tuple(v.shape) for k, v in left.items()} == expected(18)
    assert all(torch.equal(v, theirs[k]) for k, v in left.items())
    subject, wrong = (
        opened(str(tmp_path / "resnet18.safetensors"), "digits", "resnet", [f"encoder.stem={stem}"])
        for stem in ("7x7", "3x3")
    )
    images = load("digits", "test", limit=20)
    with pytest.warns(UserWarning, match="left out: fc"):
        made = next(subject.embedders(images))(images.pixels)
    np.testing.assert_allclose(made, embedder(run)(images.pixels), rtol=1e-4, atol=1e-5)
    with pytest.warns(UserWarning, match="left out: fc"):
        found = evaluate(subject, only=("knn",), floors=False, out=str(tmp_path / "found"))
    assert {(f.name, f.subject) for f in found} == {("knn", "resnet18")}
    with pytest.raises(RequestError, match=r"conv1\.weight is \(64, 3, 7, 7\), the encoder's \(64, 3, 3, 3\)"):
        evaluate(wrong, only=("knn",), floors=False, out=str(tmp_path / "wrong"))
