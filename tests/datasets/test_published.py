"""Published formats, parsed from tiny files that the test writes as published, and from the real ones at hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import samples

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.datasets.cifar10 import CLASSES
from kinfolk.load import sources


def opened(name: str, path: Path):  # type: ignore[no-untyped-def]
    return registry.build("datasets", name, path)


def test_cifar10_records(tmp_path: Path) -> None:
    data = opened("cifar10", samples.cifar10(tmp_path))
    train, test = data.open("train"), data.open("test")
    images = samples.pixels(24, 32)
    assert (len(train), len(test)) == (20, 4)
    assert train.labels.tolist() == [i % 10 for i in range(20)]
    for i in (0, 3, 4, 19):
        np.testing.assert_array_equal(train.decode(i), images[i])
    np.testing.assert_array_equal(test.decode(2), images[22])
    assert train.origins[5] == "data_batch_2.bin[1]"
    assert train.classes[9] == "truck"


def test_cifar100_records_fine_and_coarse(tmp_path: Path) -> None:
    samples.cifar100(tmp_path)
    fine = opened("cifar100", tmp_path).open("test")
    coarse = registry.build("datasets", "cifar100", tmp_path, labels="coarse").open("test")
    np.testing.assert_array_equal(fine.decode(1), samples.pixels(18, 32)[13])
    assert [fine.classes[k] for k in fine.labels] == [f"fine{i}" for i in range(12, 18)]
    assert [coarse.classes[k] for k in coarse.labels] == [f"coarse{i}" for i in range(12, 18)]
    assert len(fine.classes) == 100
    assert len(coarse.classes) == 20
    assert fine.fingerprint != coarse.fingerprint


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "stl10"])
def test_a_binary_file_cut_off_is_refused(name: str, tmp_path: Path) -> None:
    samples.PATHS[name](tmp_path)
    for path in tmp_path.rglob("*.bin"):
        path.write_bytes(path.read_bytes()[:-1] if path.stat().st_size > 100 else path.read_bytes())
    with pytest.raises(RequestError, match="cut off"):
        opened(name, tmp_path).open("train")


def test_cifar10_with_the_labels_of_another_set_is_refused(tmp_path: Path) -> None:
    path = samples.cifar10(tmp_path) / "cifar-10-batches-bin" / "test_batch.bin"
    path.write_bytes(bytes([77]) + path.read_bytes()[1:])
    with pytest.raises(RequestError, match="has a label 77"):
        opened("cifar10", tmp_path).open("test")


def test_stl10_columns_labels_and_the_unlabelled(tmp_path: Path) -> None:
    data = opened("stl10", samples.stl10(tmp_path))
    images = samples.pixels(15, 96)
    assert data.splits() == ("train", "test", "unlabeled")
    train, unlabelled = data.open("train"), data.open("unlabeled")
    assert train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert unlabelled.labels.tolist() == [-1] * 5
    for i in (0, 4):
        np.testing.assert_array_equal(train.decode(i), images[i])
        np.testing.assert_array_equal(unlabelled.decode(i), images[6 + i])
    np.testing.assert_array_equal(data.open("test").decode(3), images[14])
    assert data.open("test").labels.tolist() == [1, 2, 3, 4]


def test_stl10_without_its_labels_is_unlabelled_and_with_too_few_refused(tmp_path: Path) -> None:
    samples.stl10(tmp_path)
    labels = tmp_path / "stl10_binary" / "train_y.bin"
    labels.write_bytes(bytes([1, 2]))
    with pytest.raises(RequestError, match="does not hold 6 labels"):
        opened("stl10", tmp_path).open("train")
    labels.unlink()
    assert (opened("stl10", tmp_path).open("train").labels == -1).all()


def test_mnist_files_gzipped_or_not_are_grey(tmp_path: Path) -> None:
    samples.idx_folder(tmp_path / "a")
    (tmp_path / "b").mkdir()
    for path in (tmp_path / "a").iterdir():
        (tmp_path / "b" / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    grey = samples.pixels(20, 28)[..., 0]
    for folder in ("a", "b"):
        source = opened("mnist", tmp_path / folder).open("train")
        assert source.labels.tolist() == [i % 10 for i in range(20)]
        np.testing.assert_array_equal(source.decode(7), np.stack([grey[7]] * 3, axis=2))


@pytest.mark.parametrize(("change", "message"), [
    (lambda data: gzip.compress(data)[:-20], "damaged or cut off|cannot be read"),
    (lambda data: data, "cannot be read"),
    (lambda data: gzip.compress(data[:-1]), "holds .* values where its header says"),
    (lambda data: gzip.compress(b"\0\0\x0d" + data[3:]), "not an idx file of unsigned bytes"),
    (lambda data: gzip.compress(b"GIF89a"), "not an idx file of unsigned bytes"),
    (lambda data: b"", "not an idx file|cannot be read"),
])
def test_a_damaged_idx_file_is_refused(tmp_path: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    path = samples.idx_folder(tmp_path) / "train-images-idx3-ubyte.gz"
    path.write_bytes(change(gzip.decompress(path.read_bytes())))
    with pytest.raises(RequestError, match=message):
        opened("mnist", tmp_path).open("train").decode(0)


def test_idx_labels_that_do_not_match_are_refused(tmp_path: Path) -> None:
    samples.idx(samples.idx_folder(tmp_path) / "train-labels-idx1-ubyte.gz", np.zeros(7))
    with pytest.raises(RequestError, match="does not hold 20 labels"):
        opened("mnist", tmp_path).open("train")


def test_fashion_mnist_is_told_by_the_name_of_its_folder(tmp_path: Path) -> None:
    assert sources.at(samples.idx_folder(tmp_path / "FashionMNIST")).open("test").classes[9] == "Ankle boot"
    assert sources.at(samples.idx_folder(tmp_path / "digits-idx")).open("test").classes[9] == "9"


def test_imagenette_has_english_names(tmp_path: Path) -> None:
    data = opened("imagenette", samples.imagenette(tmp_path))
    assert data.splits() == ("train", "val")
    source = data.open("val")
    assert source.classes[source.labels[2]] == "cassette player"
    assert len(data.open("train")) == 20


def test_tiny_imagenet_labels_its_flat_validation_images(tmp_path: Path) -> None:
    data = opened("tiny_imagenet", samples.tiny_imagenet(tmp_path))
    assert data.splits() == ("train", "val")
    source = data.open("val")
    assert source.classes == ("goldfish", "crane (n02)", "crane (n03)")
    assert [source.classes[k] for k in source.labels] == ["crane (n03)", "goldfish", "crane (n02)"]
    assert np.bincount(data.open("train").labels).tolist() == [3, 3, 3]


def test_caltech101_leaves_its_background_out(tmp_path: Path) -> None:
    data = opened("caltech101", samples.caltech101(tmp_path))
    assert data.splits() == ("train",)
    assert data.open("train").classes == ("accordion", "yin_yang")
    assert len(data.open("train")) == 6


def test_imagenet_reads_the_solution_of_its_flat_validation_images(tmp_path: Path) -> None:
    source = opened("imagenet", samples.imagenet(tmp_path)).open("val")
    assert [source.classes[k] for k in source.labels] == ["name0", "name7", "name14"]
    assert len(source.classes) == 100


def test_imagenette_is_not_mistaken_for_a_larger_imagenet_folder(tmp_path: Path) -> None:
    for wnid in (*samples.IMAGENETTE, "n99999999"):
        for i in range(2):
            samples.png(tmp_path / "train" / wnid / f"{i}.png", samples.pixels(1, 8, seed=i)[0])
    assert len(sources.at(tmp_path).open("train").classes) == 11


def packed(folder: Path, archive: Path) -> Path:
    """The content of ``folder`` as a tar.gz, tgz or zip."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as zipped:
            for path in sorted(folder.rglob("*")):
                zipped.write(path, path.relative_to(folder))
    else:
        with tarfile.open(archive, "w:gz") as tar:
            for item in sorted(folder.iterdir()):
                tar.add(item, item.name)
    return archive


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "stl10", "imagenette", "tiny_imagenet"])
@pytest.mark.parametrize("given", ["folder", "file"])
def test_a_published_archive_is_unpacked_once_and_read(name: str, given: str, tmp_path: Path) -> None:
    plain = opened(name, samples.PATHS[name](tmp_path / "plain")).open("train")
    published = registry.leaf("datasets", name).open().downloads[0].name
    archive = packed(tmp_path / "plain", tmp_path / "home" / published)
    path = archive if given == "file" else archive.parent
    first, second = (sources.open_dataset(str(path)).open("train") for _ in range(2))
    np.testing.assert_array_equal(first.decode(1), plain.decode(1))
    np.testing.assert_array_equal(first.labels, plain.labels)
    assert first.fingerprint == second.fingerprint


def test_caltech101_comes_as_an_archive_within_an_archive(tmp_path: Path) -> None:
    home = samples.caltech101(tmp_path / "plain") / "caltech-101"
    packed(home, tmp_path / "outer" / "caltech-101" / "101_ObjectCategories.tar.gz")
    (tmp_path / "outer" / "__MACOSX").mkdir()
    (tmp_path / "outer" / "__MACOSX" / "._101_ObjectCategories.tar.gz").write_text("no archive")
    archive = packed(tmp_path / "outer", tmp_path / "home" / "caltech-101.zip")
    assert len(sources.open_dataset(str(archive)).open("train")) == 6


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_damaged_archive_is_refused_and_leaves_nothing(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="is damaged, cut off, or not an archive"):
        sources.open_dataset(str(path))


def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    from kinfolk.core.archives import unpack

    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as tar:
        for name in ("../outside.txt", f"{tmp_path}/absolute.txt", "in/side.txt", "in/../../up.txt"):
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    unpack(tmp_path / "evil.tar.gz", tmp_path / "out" / "here")
    assert [p.name for p in (tmp_path / "out").rglob("*") if not p.is_dir()] == ["side.txt"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.tar.gz", "out"]


def test_the_real_mnist_has_its_counts_and_classes(shared_data: Path) -> None:
    data = sources.open_dataset(str(shared_data / "mnist"))
    train, test = data.open("train"), data.open("test")
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert test.classes == tuple("0123456789")
    first = test.decode(0)
    assert first.shape == (28, 28, 3)
    assert test.labels[0] == 7
    assert (first[..., 0] == first[..., 2]).all()
    for published in [d for d in registry.leaf("datasets", "mnist").open().downloads if "t10k" in d.name]:
        whole = (shared_data / "mnist" / published.name).read_bytes()
        assert hashlib.md5(whole).hexdigest() == published.md5
        assert hashlib.sha256(whole).hexdigest() == published.sha256


def test_the_real_cifar10_has_its_counts_and_classes(shared_data: Path) -> None:
    data = sources.open_dataset(str(shared_data / "cifar10"))
    assert data.splits() == ("train", "test")
    train, test = data.open("train"), data.open("test")
    assert np.bincount(train.labels).tolist() == [5000] * 10
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert test.classes == CLASSES
    assert test.decode(9999).shape == (32, 32, 3)
