"""Folders as people have them: flat, classes, splits, nested, links, and what is no class."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import samples

from kinfolk.core.errors import RequestError
from kinfolk.datasets.folder import Folder


def tree(root: Path, *names: str) -> Path:
    """One image for each name, all different."""
    for seed, name in enumerate(names):
        samples.png(root / name, samples.pixels(1, 6, seed=seed)[0])
    return root


def named(folder: Folder, split: str = "train") -> list[str]:
    """What each image is labelled, by name; a dash for none."""
    source = folder.open(split)
    return [source.classes[k] if k >= 0 else "-" for k in source.labels]


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    folder = Folder(tree(tmp_path, "b.png", "a.png", "c.png"))
    assert folder.splits() == ("train",)
    source = folder.open("train")
    assert [Path(o).name for o in source.origins] == ["a.png", "b.png", "c.png"]
    assert source.classes == ()
    assert named(folder) == ["-"] * 3


def test_folders_are_classes(tmp_path: Path) -> None:
    folder = Folder(tree(tmp_path, "cat/1.png", "cat/2.png", "ant/1.png", "ant/2.png"))
    assert folder.open("train").classes == ("ant", "cat")
    assert named(folder) == ["ant", "ant", "cat", "cat"]


def test_whatever_lies_deeper_belongs_to_the_class(tmp_path: Path) -> None:
    folder = Folder(tree(tmp_path, "cat/x/y/1.png", "cat/2.png", "ant/images/1.png", "ant/images/2.png"))
    assert named(folder) == ["ant", "ant", "cat", "cat"]


def test_a_folder_in_a_folder_is_looked_through(tmp_path: Path) -> None:
    assert named(Folder(tree(tmp_path / "a", "photos/2026/1.png", "photos/2026/2.png"))) == ["-", "-"]
    classes = Folder(tree(tmp_path / "b", "data/ant/1.png", "data/ant/2.png", "data/bee/1.png"))
    assert named(classes) == ["ant", "ant", "bee"]
    assert Folder(tree(tmp_path / "c", "data/train/1.png", "data/test/2.png")).splits() == ("train", "test")


def test_splits_are_named_as_the_folders(tmp_path: Path) -> None:
    names = [f"{s}/{c}/{i}.png" for s in ("train", "val") for c in ("ant", "bee") for i in (1, 2)]
    folder = Folder(tree(tmp_path, *names, "val/wasp/1.png"))
    assert folder.splits() == ("train", "val")
    assert folder.open("train").classes == folder.open("val").classes == ("ant", "bee", "wasp")
    assert named(folder, "val") == ["ant", "ant", "bee", "bee", "wasp"]


def test_flat_splits_have_no_labels(tmp_path: Path) -> None:
    folder = Folder(tree(tmp_path, "Train/1.png", "Train/2.png", "Test/1.png"))
    assert folder.splits() == ("train", "test")
    assert named(folder, "test") == ["-"]


def test_a_class_called_test_is_a_class_where_there_is_no_train(tmp_path: Path) -> None:
    assert named(Folder(tree(tmp_path, "test/1.png", "test/2.png", "toast/1.png"))) == ["test", "test", "toast"]


def test_images_beside_the_classes_are_unlabelled(tmp_path: Path) -> None:
    folder = Folder(tree(tmp_path, "ant/1.png", "ant/2.png", "bee/1.png", "bee/2.png", "zoo.png"))
    assert named(folder) == ["ant", "ant", "bee", "bee", "-"]


def test_folders_of_one_image_each_are_no_classes_and_the_card_says_so(tmp_path: Path) -> None:
    folder = Folder(tree(tmp_path, *(f"{i:03d}/photo.png" for i in range(40))))
    source = folder.open("train")
    assert source.classes == ()
    assert (source.labels == -1).all()
    assert any("40 folders hold 40 images" in note for note in source.card["notes"])


def test_one_class_with_one_image_among_others_stays_a_class(tmp_path: Path) -> None:
    assert set(named(Folder(tree(tmp_path, "ant/1.png", "bee/1.png", "bee/2.png", "bee/3.png")))) == {"ant", "bee"}


def test_hidden_files_are_skipped_and_others_are_told(tmp_path: Path) -> None:
    tree(tmp_path, "1.png", ".hidden.png", ".thumbs/2.png")
    for name in ("notes.txt", "Thumbs.db", "labels.csv", "x.jpg.part"):
        (tmp_path / name).write_text("no image")
    source = Folder(tmp_path).open("train")
    assert len(source) == 1
    assert source.card["notes"] == [
        "4 files not named like images were left out: Thumbs.db, labels.csv, notes.txt"
    ]


def test_images_outside_the_splits_are_told(tmp_path: Path) -> None:
    source = Folder(tree(tmp_path, "train/1.png", "test/1.png", "cover.png", "docs/1.png")).open("train")
    assert "2 images outside train, test were left out" in source.card["notes"]


def test_suffixes_are_known_in_any_case(tmp_path: Path) -> None:
    tree(tmp_path, "1.png")
    os.rename(tmp_path / "1.png", tmp_path / "1.PNG")
    assert len(Folder(tmp_path).open("train")) == 1


@pytest.mark.skipif(os.name == "nt", reason="links and pipes need POSIX")
def test_links_are_followed_once_and_pipes_never_opened(tmp_path: Path) -> None:
    tree(tmp_path / "real", "1.png", "2.png")
    home = tree(tmp_path / "home", "3.png")
    os.symlink(tmp_path / "real", home / "linked")
    os.symlink(home, home / "loop")
    os.symlink(tmp_path / "gone.png", home / "broken.png")
    os.mkfifo(home / "pipe.png")
    source = Folder(home).open("train")
    assert [Path(o).name for o in source.origins] == ["3.png", "1.png", "2.png"]
    assert "2 files not named like images were left out: broken.png, pipe.png" in source.card["notes"]


@pytest.mark.skipif(os.name == "nt", reason="names are bytes only on POSIX")
def test_a_name_that_is_no_text_can_still_be_written(tmp_path: Path) -> None:
    path = samples.png(tmp_path / "1.png", samples.pixels(1, 6)[0])
    os.rename(path, os.fsencode(tmp_path) + b"/\xff\xfe.png")
    source = Folder(tmp_path).open("train")
    assert source.origins[0].encode("utf-8").endswith("\ufffd\ufffd.png".encode())
    assert source.decode(0).shape == (6, 6, 3)


def test_the_fingerprint_follows_names_sizes_times_and_labels(tmp_path: Path) -> None:
    def fingerprint() -> str:
        return Folder(tmp_path).open("train").fingerprint

    tree(tmp_path, "ant/1.png", "ant/2.png", "bee/1.png", "bee/2.png")
    seen = [fingerprint()]
    assert fingerprint() == seen[0]
    os.utime(tmp_path / "ant/1.png", ns=(1, 1))
    seen.append(fingerprint())
    samples.png(tmp_path / "ant/1.png", samples.pixels(1, 9)[0])
    os.utime(tmp_path / "ant/1.png", ns=(1, 1))
    seen.append(fingerprint())
    os.rename(tmp_path / "bee/2.png", tmp_path / "bee/3.png")
    seen.append(fingerprint())
    os.rename(tmp_path / "ant", tmp_path / "cow")
    seen.append(fingerprint())
    (tmp_path / "bee/1.png").unlink()
    seen.append(fingerprint())
    assert len(set(seen)) == len(seen)


def test_a_copy_with_the_same_times_has_the_same_fingerprint(tmp_path: Path) -> None:
    import shutil

    tree(tmp_path / "a", "1.png", "2.png")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert Folder(tmp_path / "a").open("train").fingerprint == Folder(tmp_path / "b").open("train").fingerprint


def test_nothing_to_read_is_refused_with_what_was_found(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no folder '.*absent'"):
        Folder(tmp_path / "absent")
    with pytest.raises(RequestError, match="is empty: no images found"):
        Folder(tmp_path)
    for i in range(5):
        (tmp_path / f"{i}.txt").write_text("")
    with pytest.raises(RequestError, match=r"5 other files \(0.txt, 1.txt, 2.txt\).*\.jpg"):
        Folder(tmp_path)


def test_labels_are_int64_even_where_there_are_none(tmp_path: Path) -> None:
    assert Folder(tree(tmp_path, "1.png")).open("train").labels.dtype == np.int64
