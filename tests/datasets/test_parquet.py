"""Parquet in the Hugging Face image layout: shards, splits, labels of every kind, and what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import samples

from kinfolk.core.decode import BadImage
from kinfolk.core.errors import RequestError
from kinfolk.datasets.parquet import Parquet, split_of


def files(count: int, folder: Path) -> list[bytes | None]:
    return [samples.png(folder / "made.png", image).read_bytes() for image in samples.pixels(count)]


def test_shards_are_joined_in_order_over_many_row_groups(tmp_path: Path) -> None:
    data = files(24, tmp_path)
    for number, start in enumerate((0, 12)):
        samples.shard(tmp_path / "d" / f"train-0000{number}-of-00002.parquet", data[start : start + 12])
    source = Parquet(tmp_path / "d").open("train")
    assert len(source) == 24
    for i in [23, 0, 11, 12, 5, 4, 17]:
        np.testing.assert_array_equal(source.decode(i), samples.pixels(24)[i])
    assert source.classes == ()
    assert (source.labels == -1).all()


@pytest.mark.parametrize(("path", "split"), [
    ("train-00000-of-00002.parquet", "train"), ("data/validation-00001-of-00002.parquet", "validation"),
    ("test-00000-of-00001-0a1b2c.parquet", "test"), ("unlabeled-00000-of-00001.parquet", "unlabeled"),
    ("default/train/0000.parquet", "train"), ("plain/test/0001.parquet", "test"), ("test.parquet", "test"),
    ("val_3.parquet", "val"), ("my photos.parquet", "train"), ("export/0000.parquet", "train"),
])
def test_a_split_is_told_by_the_name_of_the_shard_or_its_folder(path: str, split: str) -> None:
    assert split_of(Path(path)) == split


def test_a_single_file_or_a_single_split_of_another_name_is_train(tmp_path: Path) -> None:
    path = samples.shard(tmp_path / "a" / "test-00000-of-00001.parquet", files(2, tmp_path))
    assert Parquet(path).splits() == ("train",)
    assert Parquet(tmp_path / "a").splits() == ("test",)
    samples.shard(tmp_path / "b" / "photos-00000-of-00001.parquet", files(2, tmp_path))
    assert Parquet(tmp_path / "b").splits() == ("train",)


def test_splits_come_in_their_usual_order(tmp_path: Path) -> None:
    for split in ("test", "extra", "validation", "train"):
        samples.shard(tmp_path / f"{split}-00000-of-00001.parquet", files(2, tmp_path))
    assert Parquet(tmp_path).splits() == ("train", "validation", "test", "extra")


def test_class_names_come_from_the_schema(tmp_path: Path) -> None:
    path = samples.shard(tmp_path / "a.parquet", files(4, tmp_path), [2, 0, None, -1], ("ant", "bee", "cow"))
    source = Parquet(path).open("train")
    assert source.classes == ("ant", "bee", "cow")
    assert source.labels.tolist() == [2, 0, -1, -1]


@pytest.mark.parametrize(("image", "label"), [("img", "fine_label"), ("image", "labels"), ("img", "coarse_label")])
def test_columns_may_have_the_other_usual_names(tmp_path: Path, image: str, label: str) -> None:
    path = samples.shard(tmp_path / "a.parquet", files(4, tmp_path), [0, 1, 0, 1], ("x", "y"), image, label)
    assert Parquet(path).open("train").labels.tolist() == [0, 1, 0, 1]


def test_labels_without_names_are_numbered_alike_in_all_splits(tmp_path: Path) -> None:
    samples.shard(tmp_path / "train-00000-of-00001.parquet", files(6, tmp_path), [30, 10, 10, 20, 30, 20])
    samples.shard(tmp_path / "test-00000-of-00001.parquet", files(2, tmp_path), [30, 10])
    data = Parquet(tmp_path)
    assert data.open("train").classes == data.open("test").classes == ("10", "20", "30")
    assert data.open("train").labels.tolist() == [2, 0, 0, 1, 2, 1]
    assert data.open("test").labels.tolist() == [2, 0]


def test_labels_may_be_names(tmp_path: Path) -> None:
    path = samples.shard(tmp_path / "a.parquet", files(5, tmp_path), ["bee", "ant", None, "bee", "ant"])
    source = Parquet(path).open("train")
    assert source.classes == ("ant", "bee")
    assert source.labels.tolist() == [1, 0, -1, 1, 0]


def test_a_label_for_every_image_is_no_class(tmp_path: Path) -> None:
    source = Parquet(samples.shard(tmp_path / "a.parquet", files(20, tmp_path), list(range(20)))).open("train")
    assert source.classes == ()
    assert (source.labels == -1).all()


def test_paths_name_the_images_unless_they_repeat(tmp_path: Path) -> None:
    samples.shard(tmp_path / "d" / "train-00000-of-00002.parquet", files(2, tmp_path))
    assert Parquet(tmp_path / "d").open("train").origins == ["0.png", "1.png"]
    samples.shard(tmp_path / "d" / "train-00001-of-00002.parquet", files(2, tmp_path))
    assert Parquet(tmp_path / "d").open("train").origins[2] == "train-00001-of-00002.parquet#0 0.png"


def test_images_may_be_plain_bytes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": pa.array(files(3, tmp_path), pa.binary())}), tmp_path / "a.parquet")
    source = Parquet(tmp_path / "a.parquet").open("train")
    np.testing.assert_array_equal(source.decode(2), samples.pixels(3)[2])
    assert source.origins[2] == "a.parquet#2"


def test_a_row_without_bytes_or_with_broken_ones_is_a_bad_image(tmp_path: Path) -> None:
    good = files(1, tmp_path)[0]
    source = Parquet(samples.shard(tmp_path / "a.parquet", [good, None, b"", b"broken"])).open("train")
    for i, reason in ((1, "empty"), (2, "empty"), (3, "not an image")):
        with pytest.raises(BadImage, match=f"{i}.png: .*{reason}"):
            source.decode(i)
    np.testing.assert_array_equal(source.decode(0), samples.pixels(1)[0])


def test_a_missing_column_is_told_with_those_found(tmp_path: Path) -> None:
    pq.write_table(pa.table({"picture": [b"x"], "kind": [1]}), tmp_path / "a.parquet")
    with pytest.raises(RequestError, match="no column 'image' or 'img'; columns found: picture, kind"):
        Parquet(tmp_path / "a.parquet").open("train")


def test_an_image_column_that_holds_no_bytes_is_told(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": ["a.png"]}), tmp_path / "a.parquet")
    with pytest.raises(RequestError, match="column 'image' of .* is string; it must be bytes"):
        Parquet(tmp_path / "a.parquet").open("train")


def test_what_is_no_parquet_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no parquet")
    with pytest.raises(RequestError, match="a.parquet' is not a parquet file"):
        Parquet(tmp_path / "a.parquet").open("train")
    with pytest.raises(RequestError, match="no file or folder"):
        Parquet(tmp_path / "b.parquet")


def test_features_beside_photos_do_not_turn_the_folder_into_parquet(tmp_path: Path) -> None:
    samples.png(tmp_path / "1.png", samples.pixels(1)[0])
    pq.write_table(pa.table({"path": ["1.png"], "vector": [[0.5]]}), tmp_path / "features.parquet")
    assert not Parquet.recognises(tmp_path)
    samples.shard(tmp_path / "train.parquet", files(1, tmp_path))
    assert Parquet.recognises(tmp_path)
    (tmp_path / "data").mkdir()
    assert Parquet.recognises(samples.shard(tmp_path / "up" / "data" / "a.parquet", files(1, tmp_path)).parents[1])


def test_the_fingerprint_follows_the_file(tmp_path: Path) -> None:
    path = samples.shard(tmp_path / "a.parquet", files(4, tmp_path))
    before = Parquet(path).open("train").fingerprint
    samples.shard(path, files(5, tmp_path))
    assert Parquet(path).open("train").fingerprint != before
