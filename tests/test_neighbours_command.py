"""Neighbours of any subject: exact, without the image itself, of the images that training draws from."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from test_cli import SMALL, kinfolk

from kinfolk.core.errors import RequestError, WorkError
from kinfolk.evaluate import subjects
from kinfolk.evaluate.opened import opened
from kinfolk.evaluate.subjects import layer_of
from kinfolk.load.images import load
from kinfolk.load.network import bare
from kinfolk.neighbours import check, find, purity, save, summary
from kinfolk.records.features import Features
from kinfolk.records.neighbours import Neighbours
from kinfolk.records.recipe import Choice


def features(count: int = 50, width: int = 6, **changes) -> Features:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(count, width)).astype(np.float32)
    labels, index = np.arange(count) % 5, np.sort(random.choice(10 * count, count, replace=False))
    made = Features(vectors, labels, index, ["x"] * count, tuple("abcde"), "train", "made", "f00d", subject="run")
    return replace(made, **changes)


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_the_lists_are_those_of_a_full_sort(metric: str) -> None:
    given = features()
    x = given.vectors.astype(np.float64)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    score = {"cosine": unit @ unit.T, "dot": x @ x.T, "euclidean": -np.linalg.norm(x[:, None] - x, axis=2)}[metric]
    np.fill_diagonal(score, -np.inf)
    expected = np.argsort(-score, axis=1)[:, :7]
    found = find(given, 7, metric)
    assert np.array_equal(found.nearest, given.index[expected])
    assert found.card == {"metric": metric, "dataset": "made", "split": "train", "fingerprint": "f00d",
                          "subject": "run", "layer": "h"}
    np.testing.assert_allclose(
        np.abs(found.similarity), np.abs(np.take_along_axis(score, expected, 1)), rtol=1e-4, atol=1e-5
    )


def test_an_image_is_left_out_by_its_number_and_its_copy_is_not() -> None:
    given = features()
    given.vectors[7] = given.vectors[3]
    found = find(given, 1)
    assert found.of(given.index[[3, 7]]).ravel().tolist() == given.index[[7, 3]].tolist()


def test_the_order_of_a_features_file_does_not_matter() -> None:
    given = features()
    mixed = given.take(np.random.default_rng(1).permutation(len(given)))
    one, two = find(given, 5), find(mixed, 5)
    assert np.array_equal(one.nearest, two.nearest)
    assert purity(one, given) == purity(two, mixed)


def test_purity_is_told_with_labels_only() -> None:
    given = features(300)
    given.vectors[:] = np.eye(6)[given.labels] + 0.1 * given.vectors
    (said,) = purity(find(given, 20), given)
    assert said.count("100.0 % [100.0, 100.0]") == 3
    assert said.endswith("a random image: 19.7 %")
    (short,) = purity(find(given, 4), given)
    assert " at 1" in short
    assert " at 5" not in short
    assert purity(find(given, 20), replace(given, labels=np.full(300, -1))) == []


def test_a_table_names_images_by_their_paths(tmp_path: Path) -> None:
    given = features(origins=[f"photos/{i}, ä.jpg" for i in range(50)])
    found, out = find(given, 3), tmp_path / "near.csv"
    save(found, given, out)
    with open(out, encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 150
    assert rows[4] == {
        "path": "photos/1, ä.jpg", "rank": "2", "similarity": f"{found.similarity[1, 1]:.4f}",
        "neighbour": f"photos/{np.searchsorted(given.index, found.nearest[1, 1])}, ä.jpg",
    }
    assert "positives.index" not in summary(found, given, out)[-1]
    assert "--out FILE.npz" in summary(found, given, out)[-1]
    assert summary(found, given, out)[-1].startswith("only images of train are compared (--split test")


def test_images_without_a_label_are_left_out_of_purity_and_counted() -> None:
    given = features(300)
    given.vectors[:] = np.eye(6)[given.labels] + 0.1 * given.vectors
    some = replace(given, labels=np.where(np.arange(300) < 100, -1, given.labels))
    (said,) = purity(find(some, 20), some)
    assert said.count("100.0 % [100.0, 100.0]") == 3
    assert said.endswith("a random image: 19.6 %; 100 images without a label left out")


def test_what_cannot_be_found_is_refused() -> None:
    with pytest.raises(RequestError, match="each of these 50 images has 49 others"):
        find(features(), 50)
    broken = features()
    broken.vectors[4] = np.nan
    with pytest.raises(WorkError, match="not finite.*Nothing was written"):
        find(broken, 5)
    for out, metric, k, said in (("x.txt", "cosine", 5, "not 'x.txt'"), ("x.npz", "cosin", 5, "Did you mean 'cosine'"),
                                 ("x.npz", "dot", 0, "-k 0")):
        with pytest.raises(RequestError, match=said):
            check(Path(out), metric, k)


def test_a_floor_is_embedded_in_pieces_as_it_is_measured(tmp_path: Path) -> None:
    images = {"train": load("digits", "train", limit=60)}
    for name in subjects.FLOORS:
        named = opened(name, "digits").on(limit="60")
        whole = subjects.of_floor(name, images, named.recipe.encoder, 32)[0].get("train")
        kept = named.layer("", tmp_path / name)
        assert isinstance(kept.vectors, np.memmap)
        np.testing.assert_allclose(kept.vectors, whole.vectors, atol=1e-6)
        assert kept.fingerprint == images["train"].fingerprint


def test_any_layer_that_a_subject_has_can_be_asked_for(tmp_path: Path) -> None:
    latents = features(layer="latents")
    assert layer_of({("train", "h"): features(), ("train", "latents"): latents}, "latents", "run") is latents
    latents.save(tmp_path / "f.npz")
    named = opened(str(tmp_path / "f.npz")).on()
    assert named.layer("", tmp_path).layer == "latents"
    with pytest.raises(RequestError, match="unknown layer of .*f.npz' 'latent'. Did you mean 'latents'"):
        named.layer("latent", tmp_path)


@pytest.mark.parametrize(
    ("subject", "data", "given", "said"),
    [
        ("pixls", "", {}, "Did you mean 'pixels'"),
        ("pixels", "", {}, "needs --data"),
        ("f.npz", "", {"limit": "5", "split": "test"}, "leave out --split, --limit"),
        ("f.npz", "digits", {}, "leave out --data"),
        ("pixels", "digits", {"limit": "0"}, "data.limit"),
    ],
)
def test_a_subject_that_cannot_be_is_refused(
    subject: str, data: str, given: dict, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    features().save(Path("f.npz"))
    with pytest.raises(RequestError, match=said):
        opened(subject, data).on(**given).layer("", tmp_path)


def test_weights_are_a_subject_like_a_run(tmp_path: Path) -> None:
    torch.manual_seed(0)
    choice = Choice("convnet", {"channels": (8, 16)})
    save_file(bare(choice, 32).state_dict(), tmp_path / "net.safetensors")
    few = ["--data", "digits", "--limit", 64, "--encoder", "convnet", "--set", "encoder.channels=8,16"]
    done = kinfolk("neighbours", "net.safetensors", *few, "-k", 5, "--out", "near.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = Neighbours.load(tmp_path / "near.npz")
    assert (found.card["subject"], found.nearest.shape) == ("net", (64, 5))


def test_from_neighbours_to_a_run_that_is_resumed_by_the_same_words(tmp_path: Path) -> None:
    few = ["--data", "digits", "--limit", 64]
    done = kinfolk("neighbours", "pixels", *few, "--metric", "euclidean", "--out", "near.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "purity (neighbours of the same class):" in done.stdout
    lists = Neighbours.load(tmp_path / "near.npz")
    assert lists.nearest.shape == (64, 20)
    assert not (lists.nearest == lists.index[:, None]).any()

    chosen = ["--set", "positives.name=neighbours", "--set", "positives.index=near.npz"]
    train = ["train", *few, "--method", "byol", *SMALL, *chosen, "--epochs", 1, "--out", "run"]
    first = kinfolk(*train, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "positives: the nearest neighbour in pixels (euclidean) takes the second view's place" in first.stderr
    stored = tomllib.loads((tmp_path / "run/recipe.toml").read_text())["positives"]
    assert stored["index"] == str((tmp_path / "near.npz").resolve())
    assert stored["fingerprint"] == lists.digest
    again = kinfolk(*train, cwd=tmp_path)
    assert again.returncode == 0
    assert "already finished" in again.stdout

    named = opened(str(tmp_path / "run")).on()
    for layer in ("h", "z"):
        own = find(named.layer(layer, tmp_path), 3)
        assert (own.fingerprint, own.layer, own.subject) == (lists.fingerprint, layer, "run")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04cut"])
def test_a_file_that_was_cut_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "cut.npz").write_bytes(content)
    with pytest.raises(RequestError, match="is not a file of neighbours"):
        Neighbours.load(tmp_path / "cut.npz")
    with pytest.raises(RequestError, match="is not a features file"):
        Features.load(tmp_path / "cut.npz")


def test_neighbours_need_a_second_view_to_replace(tmp_path: Path) -> None:
    few = ["--data", "digits", "--limit", 64]
    chosen = ["--set", "positives.name=same_class"]
    done = kinfolk("train", *few, "--method", "autoencoder", *SMALL, *chosen, "--out", "run", cwd=tmp_path)
    assert done.returncode == 2
    assert "take the place of second views, and there is one view of each image" in done.stderr
    assert not (tmp_path / "run").exists()


def foreign(place: Path, split: str = "train", *, limit: int | str = "all", hold_out: bool = True, **more) -> None:
    """Another program's vectors of digits, one an image in their order: raw pixels, nothing else."""
    images = load("digits", split, limit=limit, hold_out=hold_out)
    np.savez(place, vectors=images.pixels.reshape(len(images), -1).astype(np.float32), **more)


def test_another_programs_vectors_are_given_their_images_and_train(tmp_path: Path) -> None:
    few = ["--data", "digits", "--limit", 64]
    images = load("digits", "train", limit=64)
    for name, limit in (("few", 64), ("whole", "all")):
        foreign(tmp_path / f"{name}.npz", limit=limit)
        done = kinfolk("neighbours", f"{name}.npz", *few, "-k", 3, "--out", f"near-{name}.npz", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "purity (neighbours of the same class):" in done.stdout
    one, other = (Neighbours.load(tmp_path / f"near-{name}.npz") for name in ("few", "whole"))
    own = find(replace(features(64), vectors=images.pixels.reshape(64, -1).astype(np.float32), index=images.index), 3)
    assert np.array_equal(one.nearest, own.nearest)
    assert one.digest == other.digest
    assert one.fingerprint == images.fingerprint
    train = ["train", *few, "--method", "byol", *SMALL, "--epochs", 1, "--set", "positives.name=neighbours"]
    run = kinfolk(*train, "--set", "positives.index=near-few.npz", "--out", "run", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "positives: the nearest neighbour in few (cosine)" in run.stderr

    done = kinfolk("neighbours", "few.npz", "-k", 3, "--out", "unplaced.npz", cwd=tmp_path)
    assert "of which images is not known" in done.stdout
    run = kinfolk(*train, "--set", "positives.index=unplaced.npz", "--out", "other", cwd=tmp_path)
    assert run.returncode == 2
    assert "does not say of which images it is: kinfolk neighbours FILE --data ... says it" in run.stderr
    done = kinfolk("neighbours", "few.npz", "--data", "digits", "--limit", 63, "--out", "x.npz", cwd=tmp_path)
    assert done.returncode == 2
    assert "'few.npz' holds 64 vectors, but digits has 63 images to train on (train, of 4,000 in all)" in done.stderr
    assert not (tmp_path / "x.npz").exists()
    assert not (tmp_path / "other").exists()


def test_rows_that_another_program_numbered_or_labelled_are_held_to_the_data(tmp_path: Path) -> None:
    images = load("digits", "train", limit=64)

    def lists(**more) -> Neighbours:
        foreign(tmp_path / "f.npz", limit=64, **more)
        return find(opened(str(tmp_path / "f.npz"), "digits").on(limit="64").layer("", tmp_path), 3)

    names = np.array([images.classes[i] for i in images.labels])
    plain = lists(labels=names)
    assert np.array_equal(plain.nearest, lists(labels=images.labels).nearest)
    mixed = np.random.default_rng(0).permutation(64)
    numbered = lists(index=images.index[mixed])
    expected = images.index[mixed[np.searchsorted(images.index, plain.nearest)]]
    assert np.array_equal(numbered.of(images.index[mixed]), expected)
    with pytest.raises(RequestError, match=r"is not what '.*f.npz' was made from: image \d+ has another label"):
        lists(labels=np.roll(names, 1))
    with pytest.raises(RequestError, match="it has no vector of image"):
        lists(index=images.index + 1)
