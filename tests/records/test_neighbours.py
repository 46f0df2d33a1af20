"""Lists of neighbours: kept and read back, guarded against other images, and their purity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kinfolk.core.errors import RequestError
from kinfolk.records.images import Images
from kinfolk.records.neighbours import Neighbours


@pytest.fixture
def lists() -> Neighbours:
    nearest = np.array([[5, 9], [2, 9], [2, 5]])
    similarity = np.array([[0.9, 0.1], [0.9, 0.5], [0.1, 0.5]], dtype=np.float32)
    return Neighbours(np.array([2, 5, 9]), nearest, similarity, "cosine", "made", "train", "abc123", "run")


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_what_is_saved_is_read_back(lists: Neighbours, suffix: str, tmp_path: Path) -> None:
    lists.save(tmp_path / f"near{suffix}")
    again = Neighbours.load(tmp_path / f"near{suffix}")
    for key in ("index", "nearest", "similarity"):
        assert np.array_equal(getattr(again, key), getattr(lists, key))
        assert getattr(again, key).dtype == getattr(lists, key).dtype
    assert again.card == lists.card
    assert again.k == 2


def test_lists_are_found_by_the_images_numbers(lists: Neighbours) -> None:
    assert lists.of(np.array([9, 2, 9])).tolist() == [[2, 5], [5, 9], [2, 5]]
    for number in (3, 10, 0):
        with pytest.raises(RequestError, match=f"no neighbours of image {number} of 'made'"):
            lists.of(np.array([2, number]))


def test_neighbours_of_other_images_are_refused(lists: Neighbours) -> None:
    def images(index: list[int], name: str = "made", fingerprint: str = "ffffff") -> Images:
        pixels, labels = np.zeros((len(index), 3, 4, 4), np.uint8), np.zeros(len(index), int)
        return Images(pixels, labels, ("a",), np.array(index), ["x"] * len(index), name, "train", fingerprint)

    lists.check(images([2, 5, 9], fingerprint="abc123"))
    for other, reason in (
        (images([2, 5, 9], "other"), r"do not fit other \(train, 3 images of 4 px\): they were found in made"),
        (images([2, 5]), "among 3 images of it, 2 of which are among these"),
        (images([2, 5, 7]), "among 3 images of it, 2 of which are among these"),
        (images([2, 5, 9]), "another size, with other labels, or in other files"),
    ):
        with pytest.raises(RequestError, match=reason):
            lists.check(other)


def test_the_digest_tells_lists_apart_and_not_formats(lists: Neighbours, tmp_path: Path) -> None:
    for suffix in (".npz", ".parquet"):
        lists.save(tmp_path / f"near{suffix}")
        assert Neighbours.load(tmp_path / f"near{suffix}").digest == lists.digest
    swapped = replace(lists, nearest=lists.nearest[:, ::-1])
    elsewhere = replace(lists, fingerprint="abc124")
    assert len({lists.digest, swapped.digest, elsewhere.digest}) == 3


def test_purity_is_the_share_of_the_same_label(lists: Neighbours) -> None:
    labels = np.array([0, 0, 1])
    assert lists.purity(labels, 2).tolist() == [0.5, 0.5, 0.0]
    assert lists.purity(labels, 1).tolist() == [1.0, 1.0, 0.0]


def test_files_that_are_none_are_refused(lists: Neighbours, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"\.npz or \.parquet, not '\.csv'"):
        lists.save(tmp_path / "near.csv")
    with pytest.raises(RequestError, match="no file of neighbours"):
        Neighbours.load(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("nothing")
    with pytest.raises(RequestError, match="not a file of neighbours"):
        Neighbours.load(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", index=np.arange(3))
    with pytest.raises(RequestError, match="not a file of neighbours"):
        Neighbours.load(tmp_path / "other.npz")
