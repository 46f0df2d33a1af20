"""A run measured on other data than its own: the pictures in its report are of those data, and its own stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import samples

from kinfolk.evaluate.measure import evaluate
from kinfolk.load.images import load
from kinfolk.records.recipe import Recipe
from kinfolk.report.album import Album
from kinfolk.report.material import read
from kinfolk.train import train


def animals(root: Path, seed: int) -> str:
    """Two classes of coarse pictures, training and test images."""
    for split in ("train", "test"):
        images = np.kron(samples.pixels(12, 4, seed=seed + (split == "test")), np.ones((1, 8, 8, 1), np.uint8))
        samples.class_folders(root / "animals" / split, images, np.arange(12) % 2, ("ant", "bee"))
    return str(root / "animals")


def test_pictures_of_other_data_stand_beside_those_of_the_runs_own(tmp_path: Path) -> None:
    run = train(Recipe.of({
        "data": {"name": "digits", "limit": 64}, "encoder": {"name": "convnet", "channels": [8, 16]},
        "method": {"hidden": 8, "out": 4}, "train": {"epochs": 1, "batch": 32, "threads": 1},
    }), tmp_path / "run")
    evaluate(run, only=("retrieval",), floors=False)
    before = read(run.folder).thumbnails["train"].pixels.copy()
    for seed in (0, 10):
        place = animals(tmp_path / str(seed), seed)
        evaluate(run, data=place, only=("retrieval",), floors=False)
        material = read(run.folder)
        assert set(material.thumbnails) == {"train", "test", "animals train", "animals test"}
        np.testing.assert_array_equal(material.thumbnails["train"].pixels, before)
        galleries = {material.elsewhere(f): f for f in material.findings if f.kind == "gallery"}
        assert set(galleries) == {"", "animals"}
        album, shown = Album(), galleries["animals"].arrays["nearest"][0][:3]
        numbers = album.add(material, "train", shown, dataset="animals")
        assert album.category(int(numbers[0])) in ("ant", "bee")
        assert "animals train" in album.describe(int(numbers[0]))
        sheet, images = material.thumbnails["animals train"], load(place, "train", size=32)
        for position in shown.tolist():
            picture = images.pixels[position].transpose(1, 2, 0)
            np.testing.assert_array_equal(sheet.pixels[sheet.rows[position]], picture)
