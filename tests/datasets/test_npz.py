"""Arrays in an ``.npz``: every layout of channels, labels of every kind, and clear refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import samples

from kinfolk.core.errors import RequestError
from kinfolk.datasets.npz import Npz


def written(path: Path, **arrays: Any) -> Npz:
    np.savez(path / "a.npz", **arrays)
    return Npz(path / "a.npz")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("layout", ["NHW", "NHW1", "NHW3", "N1HW", "N3HW"])
def test_every_layout_gives_the_same_rgb(tmp_path: Path, layout: str, compressed: bool) -> None:
    colour = samples.pixels(5, 7, 9)
    if "3" not in layout:
        colour = np.repeat(colour[..., :1], 3, axis=3)
    array = {"NHW": colour[..., 0], "NHW1": colour[..., :1], "NHW3": colour,
             "N1HW": colour[..., :1].transpose(0, 3, 1, 2), "N3HW": colour.transpose(0, 3, 1, 2)}[layout]
    (np.savez_compressed if compressed else np.savez)(tmp_path / "a.npz", images=array)
    source = Npz(tmp_path / "a.npz").open("train")
    assert source.shape(0) == (7, 9)
    for i in range(5):
        np.testing.assert_array_equal(source.decode(i), colour[i])


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_bytes_anywhere_are_told_in_one_sentence(tmp_path: Path, compressed: bool) -> None:
    images = samples.pixels(8, 12)
    names = np.array(["ant", "bee"] * 4)
    (np.savez_compressed if compressed else np.savez)(tmp_path / "a.npz", images=images, labels=names)
    whole, told = (tmp_path / "a.npz").read_bytes(), set()
    broken = [whole[:i] + bytes([whole[i] ^ 255]) + whole[i + 1 :] for i in range(0, len(whole), 7)]
    for data in [*broken, *(whole[:-cut] for cut in (1, 30, 200, len(whole) // 2))]:
        (tmp_path / "a.npz").write_bytes(data)
        try:
            source = Npz(tmp_path / "a.npz").open("train")
            np.testing.assert_array_equal(source.decode(5), images[5])
        except RequestError as error:
            told.add(str(error).replace(str(tmp_path), "")[:40])
    assert any(text.startswith("'images' in '/a.npz' is damaged: ") for text in told)
    assert any(text.startswith("'labels' in '/a.npz' is damaged: ") for text in told)


def test_arrays_in_column_order_are_read_right(tmp_path: Path) -> None:
    images = np.asfortranarray(samples.pixels(4, 6))
    np.testing.assert_array_equal(written(tmp_path, images=images).open("train").decode(3), images[3])


def test_where_channels_could_be_first_or_last_they_are_last(tmp_path: Path) -> None:
    images = samples.pixels(2, 3, 5)
    np.testing.assert_array_equal(written(tmp_path, images=images).open("train").decode(1), images[1])


def test_without_labels_nothing_is_invented(tmp_path: Path) -> None:
    source = written(tmp_path, images=samples.pixels(3)).open("train")
    assert source.classes == ()
    assert source.labels.tolist() == [-1, -1, -1]


def test_labels_below_zero_mean_none_and_test_may_lack_a_class(tmp_path: Path) -> None:
    data = written(tmp_path, images=samples.pixels(4), labels=np.array([2, -1, 0, -7], dtype=np.int16),
                   test_images=samples.pixels(2), test_labels=np.array([1, 0], dtype=np.uint8))
    assert data.splits() == ("train", "test")
    assert data.open("train").labels.tolist() == [2, -1, 0, -1]
    assert data.open("test").classes == data.open("train").classes == ("0", "1", "2")


def test_labels_may_be_names_and_numbers_may_be_named(tmp_path: Path) -> None:
    data = written(tmp_path, images=samples.pixels(3), labels=np.array(["bee", "ant", "bee"]))
    assert data.open("train").classes == ("ant", "bee")
    assert data.open("train").labels.tolist() == [1, 0, 1]
    data = written(tmp_path, images=samples.pixels(2), labels=np.array([1, 0]), classes=np.array(["x", "y", "z"]))
    assert data.open("train").classes == ("x", "y", "z")


@pytest.mark.parametrize(("arrays", "message"), [
    ({"pictures": samples.pixels(2)}, "no array 'images'; arrays found: pictures"),
    ({"images": samples.pixels(2) / 255.0}, "float64; images are uint8, 0 to 255. Multiply by 255"),
    ({"images": samples.pixels(2).astype(np.int64)}, "int64; images are uint8"),
    ({"images": np.zeros((2, 4, 4, 4), dtype=np.uint8)}, r"shape \(2, 4, 4, 4\)"),
    ({"images": np.zeros((0, 4, 4, 3), dtype=np.uint8)}, r"shape \(0, 4, 4, 3\)"),
    ({"images": np.zeros((4, 4), dtype=np.uint8)}, r"shape \(4, 4\)"),
    ({"images": samples.pixels(2), "labels": np.zeros(3, dtype=int)}, r"'labels' .* has shape \(3,\); 2 images"),
    ({"images": samples.pixels(2), "labels": np.zeros(2)}, "'labels' .* is float64"),
    ({"images": samples.pixels(2), "labels": np.array([{}, {}], dtype=object)}, "never unpickled"),
    ({"images": samples.pixels(2), "labels": np.array([0, 5]), "classes": np.array(["a", "b"])}, "goes up to 5"),
])
def test_what_does_not_fit_is_told(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        written(tmp_path, **arrays).open("train")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04cut"])
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(RequestError, match="a.npz' is not an .npz archive"):
        Npz(tmp_path / "a.npz")


def test_an_absent_file_and_a_single_array_are_told(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no file"):
        Npz(tmp_path / "a.npz")
    with open(tmp_path / "b.npz", "wb") as handle:
        np.save(handle, samples.pixels(2))
    with pytest.raises(RequestError, match="not an .npz archive of named arrays"):
        Npz(tmp_path / "b.npz")


def test_the_fingerprint_follows_the_file(tmp_path: Path) -> None:
    before = written(tmp_path, images=samples.pixels(4)).open("train").fingerprint
    assert written(tmp_path, images=samples.pixels(5)).open("train").fingerprint != before
