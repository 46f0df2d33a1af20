"""Images from every layout: the same pixels, splits that never overlap, reproducible selections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import samples
from PIL import Image

from kinfolk.core.errors import RequestError
from kinfolk.load import workers
from kinfolk.load.images import HELD_OUT, auto_size, evaluation_split, load, scrambled, splits
from kinfolk.load.sources import open_dataset


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINFOLK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def four(tmp_path: Path) -> dict[str, str]:
    """The same 40 images of two classes as class folders, npz, parquet, and a flat folder without labels."""
    images, labels, names = samples.pixels(40, 16), np.arange(40) // 20, ("ant", "bee")
    samples.class_folders(tmp_path / "folder", images, labels, names)
    samples.class_folders(tmp_path / "flat", images, labels * 0, (".",))
    np.savez(tmp_path / "a.npz", images=images, labels=np.array(names)[labels])
    made = sorted((tmp_path / "folder").rglob("*.png"), key=lambda p: p.name)
    data: list[bytes | None] = [p.read_bytes() for p in made]
    for number, part in enumerate((slice(0, 25), slice(25, 40))):
        path = tmp_path / "shards" / f"train-{number:05d}-of-00002.parquet"
        samples.shard(path, data[part], labels[part].tolist(), names)
    return {k: str(tmp_path / p) for k, p in
            {"folder": "folder", "npz": "a.npz", "parquet": "shards", "flat": "flat"}.items()}


def test_the_same_images_are_the_same_in_every_layout(four: dict[str, str]) -> None:
    for split in ("train", "test"):
        got = {kind: load(path, split, limit=9, seed=3) for kind, path in four.items()}
        for kind, images in got.items():
            np.testing.assert_array_equal(images.pixels, samples.pixels(40, 16)[images.index].transpose(0, 3, 1, 2))
            np.testing.assert_array_equal(images.index, got["folder"].index)
            assert images.labels.tolist() == ([-1] * len(images) if kind == "flat" else (images.index // 20).tolist())
            assert images.classes == (() if kind == "flat" else ("ant", "bee"))
            assert images.size == 16
            assert images.split == ("train" if split == "train" else HELD_OUT)


def test_pixels_are_a_read_only_memory_map_of_rgb_planes(four: dict[str, str]) -> None:
    images = load(four["folder"], "train")
    assert isinstance(images.pixels, np.memmap)
    assert not images.pixels.flags.writeable
    assert images.pixels.dtype == np.uint8
    assert images.pixels.shape == (36, 3, 16, 16)
    assert images.name == "folder"
    assert Path(images.origins[0]).name == f"{images.index[0]:05d}.png"


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
def test_real_data_have_their_counts_and_classes(shared_data: Path, name: str) -> None:
    images = load(str(shared_data / name), "test", limit=300)
    side = {"cifar10": 32, "mnist": 28}[name]
    assert images.pixels.shape == (300, 3, side, side)
    assert len(images.classes) == 10
    assert set(images.labels) == set(range(10))
    assert images.split == "test"
    assert images.name == name


def test_a_split_without_test_holds_a_tenth_of_train_out(four: dict[str, str]) -> None:
    train, held, test = (load(four["flat"], s) for s in ("train", HELD_OUT, "test"))
    assert splits(four["flat"]) == ("train", HELD_OUT)
    assert evaluation_split(four["flat"]) == HELD_OUT
    assert (len(train), len(held)) == (36, 4)
    assert sorted([*train.index, *held.index]) == list(range(40))
    np.testing.assert_array_equal(held.index, test.index)
    np.testing.assert_array_equal(load(four["flat"], "test", seed=9).index, held.index)
    assert len(load(four["flat"], "train", hold_out=False)) == 40
    assert len({i.fingerprint for i in (train, held, load(four["flat"], "train", hold_out=False))}) == 3


def test_a_limit_never_lets_held_out_images_into_train(four: dict[str, str]) -> None:
    held = set(load(four["flat"], "test").index)
    for seed in range(5):
        assert not held & set(load(four["flat"], "train", limit=30, seed=seed).index)


def test_one_image_cannot_be_held_out(tmp_path: Path) -> None:
    samples.png(tmp_path / "one" / "1.png", samples.pixels(1)[0])
    with pytest.raises(RequestError, match="only 1 image"):
        load(str(tmp_path / "one"), "train")


@pytest.mark.parametrize(("names", "expected"), [
    (("train", "val"), "val"), (("train", "validation", "test"), "test"), (("train", "test"), "test"),
    (("train",), HELD_OUT),
])
def test_the_evaluation_split_is_test_else_validation_else_held_out(
    tmp_path: Path, names: tuple[str, ...], expected: str
) -> None:
    for name in names:
        samples.class_folders(tmp_path / "d" / name, samples.pixels(20), np.arange(20) % 2, ("ant", "bee"))
    assert evaluation_split(str(tmp_path / "d")) == expected
    assert load(str(tmp_path / "d"), "test").split == expected
    assert len(load(str(tmp_path / "d"), "train")) == (18 if expected == HELD_OUT else 20)


def test_a_test_split_without_labels_gives_way_to_a_labelled_validation(tmp_path: Path) -> None:
    for name in ("train", "val"):
        samples.class_folders(tmp_path / "d" / name, samples.pixels(6), np.arange(6) % 2, ("ant", "bee"))
    samples.class_folders(tmp_path / "d" / "test", samples.pixels(6), np.zeros(6, dtype=int), (".",))
    assert evaluation_split(str(tmp_path / "d")) == "val"
    assert load(str(tmp_path / "d"), "test").split == "test"


def test_a_limit_is_the_same_for_everyone_sorted_nested_and_spread(four: dict[str, str]) -> None:
    few, same, more = (load(four["folder"], "train", limit=n, seed=1) for n in (8, 8, 20))
    np.testing.assert_array_equal(few.index, same.index)
    assert set(few.index) < set(more.index)
    assert (np.diff(more.index) > 0).all()
    assert few.fingerprint == same.fingerprint != more.fingerprint
    assert set(load(four["folder"], "train", limit=8, seed=2).index) != set(few.index)
    assert len(load(four["folder"], "train", limit=1000)) == 36
    assert len(load(four["folder"], "train", fraction=0.5)) == 18


def test_the_hash_is_even_and_fixed() -> None:
    positions = np.arange(20000)
    chosen = np.argsort(scrambled(positions, "selection", 0), kind="stable")[:5000]
    counts = np.histogram(chosen, bins=20, range=(0, 20000))[0]
    assert np.abs(counts - 250).max() < 70
    assert abs(np.corrcoef(positions, scrambled(positions, "selection", 0).astype(float))[0, 1]) < 0.02
    other = np.argsort(scrambled(positions, "held out", 0), kind="stable")[:5000]
    assert abs(len(np.intersect1d(chosen, other)) - 1250) < 120


def test_classes_are_kept_and_numbered_in_the_order_asked_for(tmp_path: Path) -> None:
    labels = np.arange(30) % 3
    np.savez(tmp_path / "a.npz", images=samples.pixels(30), labels=np.array(["ant", "bee", "cow"])[labels])
    images = load(str(tmp_path / "a.npz"), "train", classes=("cow", "ant"), hold_out=False)
    assert images.classes == ("cow", "ant")
    assert set(images.index) == set(np.flatnonzero(labels != 1))
    np.testing.assert_array_equal(images.labels, np.where(labels[images.index] == 2, 0, 1))
    np.testing.assert_array_equal(images.pixels[3], samples.pixels(30)[images.index[3]].transpose(2, 0, 1))


def test_partly_labelled_data_keep_their_unlabelled_images(tmp_path: Path) -> None:
    labels = np.where(np.arange(20) < 5, np.arange(20) % 2, -1)
    np.savez(tmp_path / "a.npz", images=samples.pixels(20), labels=labels)
    images = load(str(tmp_path / "a.npz"), "train", hold_out=False)
    np.testing.assert_array_equal(images.labels, labels)
    assert images.labelled


def test_factors_and_labels_follow_the_selection() -> None:
    images = load("shapes", "train", limit=10, settings={"train": 50})
    whole = open_dataset("shapes", {"train": 50}).open("train")
    np.testing.assert_array_equal(images.factors["hue"], whole.factors["hue"][images.index])
    np.testing.assert_array_equal(images.labels, whole.labels[images.index])
    assert len(load("shapes", "test", settings={"test": 20})) == 20


@pytest.mark.parametrize(("options", "message"), [
    ({"limit": 0}, r"data.limit = 0 is not accepted: it takes 'all' or int in \[1"), ({"limit": -5}, "data.limit = -5"),
    ({"limit": True}, "data.limit = True"), ({"fraction": 0.0}, "data.fraction = 0.0"),
    ({"fraction": 1.5}, "data.fraction"), ({"size": 0}, "data.size = 0"), ({"size": 5000}, "data.size = 5000"),
    ({"classes": ("beee",)}, "Did you mean 'bee'"), ({"split": "val"}, "Known: train"),
    ({"split": "trian"}, "unknown split of .*'trian'. Did you mean 'train'"),
])
def test_a_wrong_request_is_refused(four: dict[str, str], options: dict, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        load(four["folder"], **{"split": "train", **options})


def test_classes_of_unlabelled_data_are_refused(four: dict[str, str]) -> None:
    with pytest.raises(RequestError, match="has no labels: classes ant cannot be chosen"):
        load(four["flat"], "train", classes=("ant",))


@pytest.mark.parametrize(("shapes", "size"), [
    ([(20, 20)] * 5, 20), ([(64, 64), (70, 90), (80, 75)], 64), ([(71, 100)] * 3, 64),
    ([(10, 12), (9, 40), (12, 12)], 32), ([(500, 400)] * 3, 224), ([(100, 60), (60, 100), (61, 61)], 56),
])
def test_the_automatic_size(tmp_path: Path, shapes: list[tuple[int, int]], size: int) -> None:
    for number, (height, width) in enumerate(shapes):
        samples.png(tmp_path / "d" / f"{number}.png", samples.pixels(1, height, width)[0])
    assert auto_size(open_dataset(str(tmp_path / "d"))) == size


def test_train_and_test_have_the_same_automatic_size(tmp_path: Path) -> None:
    for number in range(3):
        samples.png(tmp_path / "d" / "train" / f"{number}.png", samples.pixels(1, 48)[0])
        samples.png(tmp_path / "d" / "test" / f"{number}.png", samples.pixels(1, 90, 70)[0])
    assert load(str(tmp_path / "d"), "train").size == load(str(tmp_path / "d"), "test").size == 48
    assert load(str(tmp_path / "d"), "test", size=20).pixels.shape == (3, 3, 20, 20)


def test_a_changed_file_makes_a_new_entry(four: dict[str, str]) -> None:
    before = load(four["folder"], "train", hold_out=False)
    path = Path(before.origins[5])
    samples.png(path, 255 - samples.pixels(40, 16)[5])
    after = load(four["folder"], "train", hold_out=False)
    assert after.fingerprint != before.fingerprint
    np.testing.assert_array_equal(after.pixels[5], 255 - before.pixels[5])
    np.testing.assert_array_equal(after.pixels[6], before.pixels[6])


def test_what_is_loaded_again_is_not_decoded_again(four: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []
    first = load(four["folder"], "train", progress=lambda *p: calls.append(p))
    assert calls[-1] == (36, 36)
    monkeypatch.setattr(workers, "blocks", lambda *_: pytest.fail("decoded again"))
    second = load(four["folder"], "train", progress=lambda *p: calls.append((0, 0)))
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert calls[-1] == (36, 36)
    assert first.fingerprint == second.fingerprint


def test_equal_squares_keep_their_side_where_a_recipe_can_say_it(tmp_path: Path) -> None:
    for side, kept in ((96, 96), (224, 224), (1080, 224), (6, 32)):
        folder = tmp_path / str(side)
        folder.mkdir()
        for i in range(3):
            Image.new("RGB", (side, side), (i, i, i)).save(folder / f"{i}.png")
        assert auto_size(open_dataset(str(folder))) == kept
