"""Subjects that are no run: features files, weights with their encoder, floors; each refusal names what is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import made_subjects
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.embed import Embedder, embed
from kinfolk.evaluate import evaluate, subjects
from kinfolk.evaluate.opened import opened
from kinfolk.load.images import load
from kinfolk.load.network import bare
from kinfolk.records import features as vectors
from kinfolk.records.features import Features
from kinfolk.records.findings import Finding
from kinfolk.records.recipe import Choice
from kinfolk.report.columns import columns
from kinfolk.report.material import read
from kinfolk.report.write import write


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled images whose class is their brightness, with a test part."""
    random = np.random.default_rng(0)
    labels = np.arange(160) % 4
    images = (labels[:, None, None, None] * 50 + random.integers(0, 50, (160, 16, 16, 3))).astype(np.uint8)
    place = tmp_path_factory.mktemp("data") / "bright.npz"
    np.savez(place, images=images[:120], labels=labels[:120], test_images=images[120:], test_labels=labels[120:])
    return place


def parts(seed: int = 0) -> list[Features]:
    made = made_subjects.subject(train=120, test=40, seed=seed)
    return [made.get("train"), made.get("test")]


def by_name(found: list[Finding], name: str, subject: str) -> Finding:
    return next(f for f in found if f.name == name and f.subject == subject and f.protocol.get("k", 20) == 20)


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_a_features_file_of_two_splits_is_read_as_it_was_written(suffix: str, tmp_path: Path) -> None:
    whole = parts()
    vectors.save(tmp_path / f"f{suffix}", whole)
    found = vectors.load(tmp_path / f"f{suffix}")
    assert list(found) == ["train", "test"]
    for one, two in zip(whole, found.values(), strict=True):
        for name in ("vectors", "labels", "index"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        assert (one.card, list(one.origins)) == (two.card, list(two.origins))
    with pytest.raises(RequestError, match="holds the splits train, test"):
        Features.load(tmp_path / f"f{suffix}")


def test_a_features_file_gets_the_scores_its_features_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    vectors.save(tmp_path / "mine.parquet", parts())
    found = evaluate(opened("mine.parquet"), only=("knn", "spectrum", "invariance"))
    direct = registry.build("evaluations", "knn").measure(made_subjects.subject(train=120, test=40))
    assert by_name(found, "knn", "mine").value == direct[0].value == 1
    assert {f.subject for f in found} == {"mine"}
    folder = tmp_path / "mine.findings"
    assert json.loads((folder / "subject.json").read_text("utf-8"))["asked"] == "mine.parquet"
    run = read(folder)
    assert (run.subject, [c.label for c in columns([run])]) == ("mine", ["mine"])
    page = write([folder], tmp_path / "r.html").read_text("utf-8")
    assert "kinfolk evaluate mine.parquet --out mine.findings" in page


def test_another_programs_vectors_with_one_split_have_a_tenth_held_out(tmp_path: Path) -> None:
    train, _ = parts()
    names = np.array(made_subjects.CLASSES)[train.labels]
    np.savez(tmp_path / "other.npz", vectors=train.vectors.astype(np.float64), labels=names)
    roles = opened(str(tmp_path / "other.npz")).features()
    assert [len(f) for f in roles.values()] == [108, 12]
    assert not set(roles["train"].index) & set(roles["test"].index)
    assert roles["test"].split == "train[held out]"
    assert roles["train"].classes == made_subjects.CLASSES
    found = evaluate(opened(str(tmp_path / "other.npz")), only=("knn",), out=str(tmp_path / "o"))
    assert by_name(found, "knn", "other").value == 1


@pytest.mark.parametrize(("broken", "said"), [
    ({"vectors": np.ones(3)}, "must be numbers"),
    ({"vectors": np.ones((3, 2)), "labels": np.ones(2)}, "3 vectors, but labels"),
    ({"data": np.ones((3, 2))}, "vectors"),
])
def test_a_file_without_vectors_is_refused(broken: dict, said: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", **broken)
    with pytest.raises(RequestError, match=said):
        evaluate(opened(str(tmp_path / "f.npz")), out=str(tmp_path / "o"))
    assert not (tmp_path / "o").exists()


def test_a_features_file_with_its_images_stands_beside_the_floors(archive: Path, tmp_path: Path) -> None:
    images = [load(str(archive), split) for split in ("train", "test")]
    maker = Embedder(registry.build("encoders", "histogram", 16), "mine")
    features = [embed(maker, part) for part in images]
    mixed = [f.take(np.random.default_rng(1).permutation(len(f))) for f in features]
    vectors.save(tmp_path / "mine.npz", mixed)
    mine = opened(str(tmp_path / "mine.npz"), str(archive))
    found = evaluate(mine, only=("knn", "shortcut"), out=str(tmp_path / "o"))
    assert {f.subject for f in found} == {"mine", "pixels", "histogram"}
    assert by_name(found, "knn", "mine").value == by_name(found, "knn", "histogram").value
    share = next(f for f in found if f.name == "colour_share" and f.subject == "mine")
    assert share.value == pytest.approx(1)
    wrong = [replace(f, labels=(f.labels + 1) % 4) for f in features]
    vectors.save(tmp_path / "wrong.npz", wrong)
    with pytest.raises(RequestError, match="image 0 has another label"):
        evaluate(opened(str(tmp_path / "wrong.npz"), str(archive)), only=("knn",), out=str(tmp_path / "w"))
    with pytest.raises(RequestError, match="--ood and --anomalies need an encoder"):
        evaluate(opened(str(tmp_path / "mine.npz")), ood="digits", out=str(tmp_path / "w"))


def test_weights_with_their_encoder_are_that_encoder(archive: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    encoder = registry.build("encoders", "convnet", 16, channels=(4, 8))
    save_file({f"encoder.{k}": v for k, v in encoder.state_dict().items()}, tmp_path / "mine.safetensors")
    named = opened(str(tmp_path / "mine.safetensors"), str(archive), "convnet", ["encoder.channels=4,8"])
    found = evaluate(named, only=("knn",), out=str(tmp_path / "o"))
    assert [f.subject for f in found if f.protocol["k"] == 20] == ["mine", "pixels", "histogram", "random"]
    train = load(str(archive), "train")
    pixels = torch.from_numpy(np.array(train.pixels)).float()
    with torch.no_grad():
        expected = encoder.eval()((pixels / 255 - 0.5) / 0.25).numpy()
    np.testing.assert_allclose(next(named.embedders(train))(train.pixels), expected, rtol=1e-4, atol=1e-5)
    assert list((tmp_path / "o" / "features").glob("*/train-*.npy"))
    other = opened(str(tmp_path / "mine.safetensors"), str(archive), "convnet")
    with pytest.raises(RequestError, match="does not fit the encoder"):
        evaluate(other, only=("knn",), out=str(tmp_path / "p"))
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("name", ["pixels", "random"])
def test_weights_that_are_called_like_a_floor_are_weights(name: str, archive: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    module = bare(Choice("convnet", {"channels": (8, 16)}), 16)
    save_file(module.state_dict(), tmp_path / f"{name}.safetensors")
    named = opened(str(tmp_path / f"{name}.safetensors"), str(archive), "convnet", ["encoder.channels=8,16"])
    images = load(str(archive), "train")
    np.testing.assert_array_equal(named.layer("h", tmp_path).vectors, embed(Embedder(module, name), images).vectors)


def test_a_floor_as_the_subject_equals_it_as_a_floor(archive: Path, tmp_path: Path) -> None:
    found = evaluate(opened("pixels", str(archive)), only=("knn",), out=str(tmp_path / "o"))
    beside = evaluate(opened("histogram", str(archive)), only=("knn",), out=str(tmp_path / "h"))
    assert by_name(found, "knn", "pixels").value == by_name(beside, "knn", "pixels").value
    assert [f.subject for f in found if f.protocol["k"] == 20] == ["pixels", "histogram"]
    assert read(tmp_path / "o").subject == "pixels"
    with pytest.raises(RequestError, match="holds the findings of 'pixels'"):
        evaluate(opened("histogram", str(archive)), only=("knn",), out=str(tmp_path / "o"))


@pytest.mark.parametrize(("arguments", "said"), [
    (("pixls",), "Did you mean 'pixels'"),
    (("pixels",), "needs --data"),
    (("gone.npz",), "no features file"),
    (("gone.safetensors", "digits", "convnet"), "no file of weights"),
    (("nowhere",), "'nowhere' does not exist"),
])
def test_a_subject_that_cannot_be_opened_is_refused(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match=said):
        opened(*arguments)


def test_weights_without_their_encoder_and_a_taken_folder_are_refused(archive: Path, tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(RequestError, match="needs --encoder"):
        opened(str(tmp_path / "w.safetensors"), str(archive))
    with pytest.raises(RequestError, match="not findings"):
        evaluate(opened("pixels", str(archive)), only=("knn",), out=str(tmp_path))
    with pytest.raises(RequestError, match="--epochs is for runs"):
        evaluate(opened("pixels", str(archive)), epochs="all", out=str(tmp_path / "o"))


@pytest.mark.parametrize(("only", "said"), [
    ("anomaly", r"missing anomalous images \(--anomalies\)"), ("ood", r"missing classes never seen \(--ood\)"),
    ("reconstruction", "missing a method that paints"),
])
def test_what_cannot_be_measured_says_what_to_give(only: str, said: str, archive: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=said):
        evaluate(opened("pixels", str(archive)), only=(only,), out=str(tmp_path / "o"))
    assert not (tmp_path / "o").exists()


def test_an_untrained_encoder_that_is_built_alike_for_two_sizes_is_one_floor() -> None:
    convnet = Choice("convnet", registry.leaf("encoders", "convnet").resolve({}))
    vit = Choice("vit", registry.leaf("encoders", "vit").resolve({}))
    assert subjects.built(convnet, 24) == subjects.built(convnet, 32)
    assert subjects.built(convnet, 24) != subjects.built(convnet, 96), "another stem"
    assert subjects.built(vit, 24) != subjects.built(vit, 32), "other positions"
