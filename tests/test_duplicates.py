"""Duplicates: made copies, mirrored ones among them, are found and put together, and the files are right."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinfolk.core.errors import RequestError
from kinfolk.duplicates import COLUMNS, duplicates, exact, resembling
from kinfolk.load.images import load
from kinfolk.records.recipe import Recipe
from kinfolk.train import train


def picture(seed: int, height: int = 120, width: int = 160) -> Image.Image:
    """A smooth picture of its own."""
    small = np.random.default_rng(seed).integers(0, 256, (9, 12, 3)).astype(np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pictures and copies of four of them, two across the splits, one mirrored."""
    root = tmp_path_factory.mktemp("photos")
    for split in ("train", "test"):
        (root / split).mkdir()
    for i in range(40):
        picture(i).save(root / "train" / f"{i:02}.png")
    picture(3).save(root / "train" / "same as 3.bmp")
    picture(7).save(root / "test" / "resaved 7.jpg", quality=50)
    picture(7).resize((80, 60)).save(root / "train" / "small 7.png")
    Image.fromarray((np.asarray(picture(9)) * 0.7).astype(np.uint8)).save(root / "train" / "dark 9.png")
    picture(11).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "test" / "mirrored 11.png")
    picture(90).save(root / "test" / "other.png")
    return root


def read(path: Path) -> dict[str, dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert tuple(rows[0]) == COLUMNS
    return {Path(row["path"]).name: row for row in rows}


def together(rows: dict[str, dict[str, str]]) -> list[list[str]]:
    """The names in each group."""
    groups: dict[str, list[str]] = {}
    for name, row in rows.items():
        groups.setdefault(row["group"], []).append(name)
    return sorted(map(sorted, groups.values()))


def test_copies_are_found_and_nothing_else(photos: Path, tmp_path: Path) -> None:
    told = duplicates(tmp_path / "d.csv", data=str(photos))
    rows = read(tmp_path / "d.csv")
    assert together(rows) == [
        ["03.png", "same as 3.bmp"], ["07.png", "resaved 7.jpg", "small 7.png"], ["09.png", "dark 9.png"],
        ["11.png", "mirrored 11.png"],
    ]
    assert rows["07.png"]["group"] == "1"
    assert {name: row["kind"] for name, row in rows.items() if row["kind"] == "exact"}.keys() == {
        "03.png", "same as 3.bmp",
    }
    assert float(rows["same as 3.bmp"]["similarity"]) == 1
    assert 0.95 < float(rows["resaved 7.jpg"]["similarity"]) <= 1
    assert rows["resaved 7.jpg"]["split"] == "test"
    assert "46 images: 1 have the same pixels" in told[0]
    assert told[1].startswith("2 groups span splits")
    page = (tmp_path / "d.html").read_text("utf-8")
    assert page.count("<img") == 9
    assert "resaved 7.jpg" in page


def test_a_threshold_can_be_given(photos: Path, tmp_path: Path) -> None:
    duplicates(tmp_path / "d.csv", data=str(photos / "train"), threshold=1.0)
    assert set(read(tmp_path / "d.csv")) >= {"03.png", "same as 3.bmp"}
    assert "small 7.png" not in read(tmp_path / "d.csv")


def test_alike_at_the_kept_size_is_not_the_same(tmp_path: Path) -> None:
    fine = np.asarray(picture(0, 128, 128)).copy()
    Image.fromarray(fine).save(tmp_path / "a.png")
    fine[0, 0, 0] ^= 1
    Image.fromarray(fine).save(tmp_path / "b.png")
    images = load(str(tmp_path), "train", size=32, hold_out=False)
    np.testing.assert_array_equal(images.pixels[0], images.pixels[1])
    assert exact([images], [lambda i: np.asarray(Image.open(images.origins[i]))]).tolist() == [0, 1]
    assert exact([images], [lambda i: fine]).tolist() == [0, 0]


def test_a_runs_embedding_can_compare(photos: Path, tmp_path: Path) -> None:
    asked = Recipe.of({
        "data": {"name": str(photos), "size": 32}, "encoder": {"name": "convnet", "channels": [8, 16]},
        "method": {"hidden": 8, "out": 4}, "train": {"epochs": 1, "batch": 16, "threads": 1},
    })
    run = train(asked, tmp_path / "run")
    duplicates(tmp_path / "d.csv", run=run, threshold=0.999)
    rows = read(tmp_path / "d.csv")
    assert rows["03.png"]["group"] == rows["same as 3.bmp"]["group"]
    assert rows["03.png"]["kind"] == "exact"


def test_copies_are_alike_however_many_there_are_and_other_pictures_are_not(tmp_path: Path) -> None:
    """A tenth are copies of one, which is then a direction of its own; all have a light sky over dark ground."""
    sky = np.linspace(90, -90, 120)[:, None, None]
    for i in range(90):
        whole = np.clip(0.4 * np.asarray(picture(i)).astype(float) + 75 + sky, 0, 255).astype(np.uint8)
        Image.fromarray(whole).save(tmp_path / f"{i:03}.png")
        for quality in range(40, 90, 5) if i == 0 else ():
            Image.fromarray(whole).save(tmp_path / f"copy {quality}.jpg", quality=quality)
    images = load(str(tmp_path), "train", size=64, hold_out=False)
    copies = np.flatnonzero(["copy" in origin or "000" in Path(origin).name for origin in images.origins])
    assert len(copies) == 11
    alike = resembling([images], np.arange(len(images)))
    assert alike(np.repeat(copies, 11), np.tile(copies, 11)).all()
    others = np.setdiff1d(np.arange(len(images)), copies)
    assert not alike(others[:-1], others[1:]).any()
    assert alike(others[:0], others[:0]).shape == (0,)


def test_wrong_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"\.csv"):
        duplicates(tmp_path / "d.txt", data="digits")
    with pytest.raises(RequestError, match="Name a run"):
        duplicates(tmp_path / "d.csv")
    assert not list(tmp_path.iterdir())


def test_alike_to_a_run_alone_is_not_a_duplicate(photos: Path, tmp_path: Path) -> None:
    """Features of a few steps are all alike; the copies are among the near ones, and the mirrored one too."""
    asked = Recipe.of({
        "data": {"name": str(photos), "size": 40}, "encoder": {"name": "convnet", "channels": [8, 16]},
        "method": {"hidden": 8, "out": 4}, "train": {"epochs": 3, "batch": 16, "threads": 1},
    })
    run = train(asked, tmp_path / "run")
    told = duplicates(tmp_path / "d.csv", run=run)
    assert "small pictures alike too" in told[0]
    rows = read(tmp_path / "d.csv")
    assert together(rows) == [
        ["03.png", "same as 3.bmp"], ["07.png", "resaved 7.jpg", "small 7.png"], ["11.png", "mirrored 11.png"],
    ]
    duplicates(tmp_path / "all.csv", run=run, threshold=float(told[0].split("at least ")[1][:6]))
    assert len(read(tmp_path / "all.csv")) > len(rows)
