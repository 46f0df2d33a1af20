"""A folder of some twenty kinds of strange and broken files: what is good loads right, what is bad is told."""

from __future__ import annotations

import io
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import samples
from PIL import Image
from safetensors.numpy import load_file

from kinfolk.core.errors import RequestError
from kinfolk.load.images import load
from kinfolk.records.run import Run


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINFOLK_CACHE", str(tmp_path / "cache"))


def strange(root: Path) -> tuple[int, set[str]]:
    """Some twenty kinds of files, good and bad; how many can be decoded, and the names of those that cannot."""
    root.mkdir(parents=True)
    y, x = np.mgrid[0:40, 0:40]
    colour = np.stack([x * 6, y * 6, (x + y) * 3], axis=2).astype(np.uint8)
    picture, grey = Image.fromarray(colour), Image.fromarray(colour[..., 0])
    exif = Image.Exif()
    exif[0x0112] = 6
    good = {
        "plain.png": (picture, {}), "plain.jpg": (picture, {}), "plain.webp": (picture, {}),
        "plain.bmp": (picture, {}), "plain.tif": (picture, {}), "plain.gif": (picture, {}),
        "grey.png": (grey, {}), "grey.jpg": (grey, {}),
        "palette.png": (picture.convert("P"), {}), "one_bit.png": (grey.convert("1"), {}),
        "sixteen.png": (Image.fromarray(colour[..., 0].astype(np.uint16) * 257), {}),
        "float.tif": (Image.fromarray(colour[..., 0].astype(np.float32)), {}),
        "cmyk.jpg": (picture.convert("CMYK"), {}),
        "clear.png": (picture.convert("RGBA"), {}), "grey_clear.png": (picture.convert("LA"), {}),
        "moving.gif": (picture, {"save_all": True, "append_images": [grey.convert("RGB")] * 2}),
        "turned.jpg": (picture, {"exif": exif}), "wide.png": (picture.resize((90, 40)), {}),
        "dot.png": (picture.resize((1, 1)), {}),
        "wrong_suffix.png": (picture, {"format": "JPEG"}),
    }
    for name, (image, options) in good.items():
        image.save(root / name, **options)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    whole = bytearray((root / "plain.png").read_bytes())
    whole[16:24] = struct.pack(">II", 50_000, 50_000)
    whole[29:33] = struct.pack(">I", zlib.crc32(bytes(whole[12:29])))
    flipped = bytearray((root / "plain.png").read_bytes())
    flipped[60] ^= 255
    bad = {
        "empty.jpg": b"", "text.jpg": b"this is no image", "cut.jpg": buffer.getvalue()[:300],
        "cut.png": (root / "plain.png").read_bytes()[:70], "bomb.png": bytes(whole), "bit_flip.png": bytes(flipped),
        "page.png": b"<!DOCTYPE html><html>404</html>", "script.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "zero.png": bytes(500),
    }
    for name, data in bad.items():
        (root / name).write_bytes(data)
    (root / "notes.txt").write_text("not for me")
    return len(good), set(bad)


def test_a_folder_of_strange_files_loads_and_says_what_it_skipped(tmp_path: Path) -> None:
    good, bad = strange(tmp_path / "d")
    images = load(str(tmp_path / "d"), "train", size=32, hold_out=False)
    assert len(images) == good == len(images.pixels)
    assert images.card["skipped"]["count"] == len(bad)
    assert len(images.card["skipped"]["first"]) == 3
    listed = Path(images.card["skipped_list"]).read_text("utf-8").splitlines()
    assert {Path(line.split(": ")[0]).name for line in listed} == bad
    assert all(len(line.split(": ", 1)[1]) > 3 for line in listed)
    assert "notes.txt" in images.card["notes"][0]
    names = [Path(o).name for o in images.origins]
    assert not set(names) & bad
    plain = images.pixels[names.index("plain.png")].astype(int)
    alike = "plain.jpg plain.webp plain.tif plain.bmp clear.png moving.gif wrong_suffix.png cmyk.jpg"
    for name in alike.split():
        assert np.abs(images.pixels[names.index(name)] - plain).mean() < 16, name
    level = images.pixels[names.index("grey.png")].astype(int)
    for name in ("sixteen.png", "float.tif"):
        assert np.abs(images.pixels[names.index(name)] - level).max() <= 1, name
    turned = images.pixels[names.index("turned.jpg")].astype(int)
    assert np.abs(turned - np.rot90(plain, -1, axes=(1, 2))).mean() < 6


def test_a_run_trains_on_what_is_good_and_says_what_it_skipped(tmp_path: Path) -> None:
    good, bad = strange(tmp_path / "photos" / "train")
    for number, image in enumerate(samples.pixels(8, 40)):
        samples.png(tmp_path / "photos" / "test" / f"{number}.png", image)
    command = ["train", "--data", "photos", "--out", "run", "--epochs", "1", "--batch", "8", "--encoder", "convnet"]
    small = ["encoder.channels=8,16", "method.hidden=8", "method.out=4", "train.threads=1", "data.size=32"]
    done = subprocess.run(
        [sys.executable, "-m", "kinfolk", *command, *(f for pair in small for f in ("--set", pair))],
        capture_output=True, text=True, timeout=240, cwd=tmp_path, check=True,
    )
    lines = [line.removeprefix("kinfolk: ") for line in done.stderr.splitlines()]
    assert any(line.startswith(f"simclr with convnet on {good} images of photos (train, 32 px)") for line in lines)
    told = [line for line in lines if "skipped" in line]
    said = rf"train: {len(bad)} images could not be read and were skipped \(all: (.*skipped\.txt)\), first: (.+)"
    found = re.fullmatch(said, told[0])
    assert len(told) == 1
    assert found
    assert sum(f"{name}: " in found[2] for name in bad) == 3
    listed = dict(line.split(": ", 1) for line in Path(found[1]).read_text("utf-8").splitlines())
    reasons = {Path(name).name: reason for name, reason in listed.items()}
    assert set(reasons) == bad
    assert reasons["empty.jpg"] == "the file is empty"
    assert "decompression bomb" in reasons["bomb.png"]
    assert any("1 file not named like an image was left out: " in line and "notes.txt" in line for line in lines)
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    run = Run(tmp_path / "run")
    assert run.finished
    assert all(np.isfinite(value).all() for value in load_file(run.weights).values())
    assert [row["epoch"] for row in run.log][-1] == 1


def test_a_selection_of_strange_files_still_fits_its_labels(tmp_path: Path) -> None:
    for number in range(30):
        home = tmp_path / "d" / ("ant" if number < 15 else "bee")
        samples.png(home / f"{number:02d}.png", samples.pixels(1, seed=number)[0])
    for number in (3, 4, 20):
        next((tmp_path / "d").rglob(f"{number:02d}.png")).write_bytes(b"broken")
    images = load(str(tmp_path / "d"), "train", hold_out=False)
    assert images.index.tolist() == [i for i in range(30) if i not in (3, 4, 20)]
    for row, index in enumerate(images.index):
        assert images.labels[row] == (index >= 15)
        np.testing.assert_array_equal(images.pixels[row], samples.pixels(1, seed=int(index))[0].transpose(2, 0, 1))


def test_a_folder_with_broken_images_only_is_refused(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(b"broken")
    with pytest.raises(RequestError, match=r"none of the 3 images could be decoded: .*not an image in a known format"):
        load(str(tmp_path), "train")
