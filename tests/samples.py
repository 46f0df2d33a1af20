"""Tiny datasets in every layout that is read, written by hand in the published formats."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

IMAGENETTE = ["n01440764", "n02102040", "n02979186", "n03000684", "n03028079",
              "n03394916", "n03417042", "n03425413", "n03445777", "n03888257"]


def pixels(count: int, height: int = 12, width: int | None = None, seed: int = 0) -> np.ndarray:
    """Distinct random images: uint8 (count, height, width, 3)."""
    random = np.random.Generator(np.random.PCG64(seed))
    return random.integers(0, 256, (count, height, width or height, 3)).astype(np.uint8)


def png(path: Path, image: np.ndarray) -> Path:
    """Write (H, W, 3) or (H, W) as PNG, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def class_folders(root: Path, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> Path:
    """``root/CLASS/NUMBER.png``."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        png(root / names[label] / f"{number:05d}.png", image)
    return root


def shard(path: Path, files: list[bytes | None], labels: list[int | str | None] | None = None,
          names: tuple[str, ...] = (), image: str = "image", label: str = "label") -> Path:
    """One parquet shard in the Hugging Face image layout."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"bytes": data, "path": f"{number}.png"} for number, data in enumerate(files)]
    columns: dict[str, pa.Array] = {
        image: pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    }
    features: dict[str, object] = {image: {"_type": "Image"}}
    if labels is not None:
        columns[label] = pa.array(labels)
        features[label] = {"names": list(names), "_type": "ClassLabel"} if names else {"dtype": "int64"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path, row_group_size=5)
    return path


def idx(path: Path, values: np.ndarray) -> Path:
    """An idx file of unsigned bytes, gzipped if its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    data = head + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def idx_folder(root: Path, train: int = 20, test: int = 10) -> Path:
    """The four files of MNIST."""
    for prefix, count, seed in (("train", train, 0), ("t10k", test, 1)):
        idx(root / f"{prefix}-images-idx3-ubyte.gz", pixels(count, 28, seed=seed)[..., 0])
        idx(root / f"{prefix}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    return root


def planar(images: np.ndarray) -> bytes:
    """(3, H, W) planes of one image (H, W, 3)."""
    return np.ascontiguousarray(images.transpose(2, 0, 1)).tobytes()


def cifar10(root: Path, each: int = 4) -> Path:
    """``cifar-10-batches-bin`` with ``each`` records a file."""
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    images = pixels(6 * each, 32)
    for number, name in enumerate([*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]):
        part = range(number * each, (number + 1) * each)
        (folder / name).write_bytes(b"".join(bytes([i % 10]) + planar(images[i]) for i in part))
    (folder / "batches.meta.txt").write_text("airplane\nautomobile\n")
    return root


def cifar100(root: Path) -> Path:
    """``cifar-100-binary`` with 12 training and 6 test records: coarse label, fine label, planes."""
    folder = root / "cifar-100-binary"
    folder.mkdir(parents=True)
    images = pixels(18, 32)
    for name, part in (("train.bin", range(12)), ("test.bin", range(12, 18))):
        (folder / name).write_bytes(b"".join(bytes([i % 20, i % 100]) + planar(images[i]) for i in part))
    (folder / "fine_label_names.txt").write_text("".join(f"fine{i}\n" for i in range(100)) + "\n")
    (folder / "coarse_label_names.txt").write_text("".join(f"coarse{i}\n" for i in range(20)) + "\n")
    return root


def stl10(root: Path, train: int = 6, unlabeled: int = 5, test: int = 4) -> Path:
    """``stl10_binary``: labelled, unlabelled and test images, column by column, labels from 1."""
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    images = pixels(train + unlabeled + test, 96)
    ends = np.cumsum([0, train, unlabeled, test]).tolist()
    for name, start, end in zip(("train", "unlabeled", "test"), ends, ends[1:], strict=False):
        part = range(start, end)
        columns = [np.ascontiguousarray(images[i].transpose(2, 1, 0)).tobytes() for i in part]
        (folder / f"{name}_X.bin").write_bytes(b"".join(columns))
        if name != "unlabeled":
            (folder / f"{name}_y.bin").write_bytes(bytes(i % 10 + 1 for i in part))
    return root


def imagenette(root: Path) -> Path:
    """``imagenette2-160`` with 2 training images and one for validation in each class."""
    for number, wnid in enumerate(IMAGENETTE):
        for i, part in enumerate(("train", "train", "val")):
            png(root / "imagenette2-160" / part / wnid / f"{wnid}_{i}.png", pixels(1, 16, 20, seed=3 * number + i)[0])
    return root


def tiny_imagenet(root: Path) -> Path:
    """``tiny-imagenet-200`` with three classes, two of which share their first name."""
    home = root / "tiny-imagenet-200"
    wnids = ["n03", "n01", "n02"]
    for number, wnid in enumerate(wnids):
        for i in range(3):
            png(home / "train" / wnid / "images" / f"{wnid}_{i}.png", pixels(1, 8, seed=9 * number + i)[0])
        (home / "train" / wnid / f"{wnid}_boxes.txt").write_text("")
        png(home / "val" / "images" / f"val_{number}.png", pixels(1, 8, seed=100 + number)[0])
    png(home / "test" / "images" / "test_0.png", pixels(1, 8, seed=200)[0])
    (home / "wnids.txt").write_text("\n".join(wnids))
    (home / "words.txt").write_text("n01\tgoldfish, Carassius auratus\nn02\tcrane\nn03\tcrane, lifting device\n")
    (home / "val" / "val_annotations.txt").write_text(
        "".join(f"val_{n}.png\t{w}\t0\t0\t7\t7\n" for n, w in enumerate(wnids))
    )
    return root


def caltech101(root: Path) -> Path:
    """``caltech-101/101_ObjectCategories`` with two classes and the background."""
    home = root / "caltech-101" / "101_ObjectCategories"
    for number, name in enumerate(("BACKGROUND_Google", "accordion", "yin_yang")):
        for i in range(3):
            png(home / name / f"image_{i:04d}.png", pixels(1, 20, 30, seed=7 * number + i)[0])
    return root


def imagenet(root: Path) -> Path:
    """Kaggle's layout with a hundred classes of one image, and three for validation."""
    home = root / "ILSVRC" / "Data" / "CLS-LOC"
    wnids = [f"n{i:08d}" for i in range(100)]
    for i, wnid in enumerate(wnids):
        png(home / "train" / wnid / f"{wnid}_1.png", pixels(1, 8, seed=i)[0])
    rows = ["ImageId,PredictionString"]
    for i in range(3):
        png(home / "val" / f"ILSVRC2012_val_{i:08d}.png", pixels(1, 8, seed=500 + i)[0])
        rows.append(f"ILSVRC2012_val_{i:08d},{wnids[7 * i]} 1 1 5 5 {wnids[7 * i]} 2 2 6 6")
    (root / "LOC_val_solution.csv").write_text("\n".join(rows) + "\n")
    (root / "LOC_synset_mapping.txt").write_text("".join(f"{w} name{i}, other\n" for i, w in enumerate(wnids)))
    return root


def folder(root: Path) -> Path:
    """Class folders under ``train`` and ``val``."""
    for part, seed in (("train", 0), ("val", 1)):
        class_folders(root / part, pixels(6, seed=seed), np.arange(6) % 2, ("ant", "bee"))
    return root


def parquet(root: Path) -> Path:
    """Two shards of training images and one of test images."""
    made = class_folders(root.with_name(root.name + "-png"), pixels(9), np.arange(9) % 2, ("ant", "bee"))
    data = [p.read_bytes() for p in sorted(made.rglob("*.png"), key=lambda p: p.name)]
    for name, part in (("train-00000-of-00002", slice(0, 3)), ("train-00001-of-00002", slice(3, 6)),
                       ("test-00000-of-00001", slice(6, 9))):
        shard(root / f"{name}.parquet", data[part], (np.arange(9) % 2)[part].tolist(), ("ant", "bee"))
    return root


def npz(root: Path) -> Path:
    """Images, labels and a test part in one archive."""
    root.mkdir(parents=True)
    labels = np.arange(6) % 2
    np.savez(root / "made.npz", images=pixels(6), labels=labels, test_images=pixels(3, seed=1), test_labels=labels[:3])
    return root / "made.npz"


PATHS: dict[str, Callable[[Path], Path]] = {
    "caltech101": caltech101, "cifar10": cifar10, "cifar100": cifar100, "folder": folder, "imagenet": imagenet,
    "imagenette": imagenette, "mnist": idx_folder, "npz": npz, "parquet": parquet, "stl10": stl10,
    "tiny_imagenet": tiny_imagenet, "fashion_mnist": lambda root: idx_folder(root / "fashion_mnist"),
}
