"""The same photographs as class folders, flat folder, npz and parquet: the same pixels, order, network and scores."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file

from kinfolk.core.decode import decode
from kinfolk.evaluate.measure import evaluate
from kinfolk.load.images import load
from kinfolk.records.recipe import Recipe
from kinfolk.train import train

EACH = {"train": 24, "val": 8}
LAYOUTS = ("folder", "flat", "data.npz", "parquet")
LABELLED = ("few_shot", "knn", "linear_probe")
MEASURED = (*LABELLED, "spectrum")


@pytest.fixture(scope="module")
def home(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the real photographs, in the four layouts; the flat one without labels, in the same order."""
    root = tmp_path_factory.mktemp("layouts")
    classes = tuple(sorted(folder.name for folder in (shared_data / "imagenette-96" / "train").iterdir()))
    arrays: dict[str, np.ndarray] = {"classes": np.array(classes)}
    (root / "parquet").mkdir()
    for split, count in EACH.items():
        rows, pixels, labels = [], [], []
        (root / "flat" / split).mkdir(parents=True)
        for label, name in enumerate(classes):
            for i, file in enumerate(sorted((shared_data / "imagenette-96" / split / name).iterdir())[:count]):
                copy = root / "folder" / split / name / file.name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, copy)
                shutil.copy(file, root / "flat" / split / f"{label}-{i:03d}.jpg")
                rows.append({"image": {"bytes": file.read_bytes(), "path": file.name}, "label": name})
                pixels.append(decode(file))
                labels.append(label)
        prefix = "" if split == "train" else "test_"
        arrays |= {f"{prefix}images": np.stack(pixels), f"{prefix}labels": np.array(labels)}
        name = {"train": "train", "val": "test"}[split]
        pq.write_table(pa.Table.from_pylist(rows), root / "parquet" / f"{name}-00000-of-00001.parquet")
    np.savez(root / "data.npz", **arrays)
    return root


def test_the_same_pixels_labels_and_order(home: Path) -> None:
    first = {split: load(str(home / "folder"), split) for split in ("train", "test")}
    assert [len(images) for images in first.values()] == [240, 80]
    assert len(first["train"].classes) == 10
    for layout in LAYOUTS[1:]:
        for split, expected in first.items():
            images = load(str(home / layout), split)
            np.testing.assert_array_equal(images.pixels, expected.pixels)
            np.testing.assert_array_equal(images.index, expected.index)
            assert images.labelled == (layout != "flat")
            if images.labelled:
                np.testing.assert_array_equal(images.labels, expected.labels)
                assert images.classes == first[split].classes
        limited = [load(str(home / name), "train", limit=20, seed=3).index.tolist() for name in ("folder", layout)]
        assert limited[0] == limited[1]


def test_the_same_network_and_the_same_scores(home: Path, tmp_path: Path) -> None:
    weights, scores, said = {}, {}, {}
    for layout in LAYOUTS:
        asked = Recipe.of({
            "data": {"name": str(home / layout), "size": 32}, "views": {"size": 24},
            "encoder": {"name": "convnet", "channels": [8, 16]}, "method": {"hidden": 16, "out": 8},
            "train": {"epochs": 1, "batch": 24, "threads": 1},
        })
        run = train(asked, tmp_path / layout)
        weights[layout] = {k: v.numpy().tobytes() for k, v in load_file(run.weights).items()}
        said[layout] = []
        found = evaluate(run, only=MEASURED, floors=False, say=said[layout].append)
        scores[layout] = [(f.name, f.protocol.get("k"), f.value, f.low, f.high) for f in found if f.kind == "score"]
    assert all(weights[layout] == weights["folder"] for layout in LAYOUTS)
    assert {name for name, *_ in scores["folder"]} > {*LABELLED}
    assert scores["flat"] == [score for score in scores["folder"] if score[0] not in LABELLED]
    told = f"left out, without labels: {', '.join(LABELLED)}"
    assert [layout for layout in LAYOUTS if told in said[layout]] == ["flat"]
    assert scores["data.npz"] == scores["parquet"] == scores["folder"]
