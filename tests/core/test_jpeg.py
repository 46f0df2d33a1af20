"""Plain JPEGs have the pixels that Pillow gives them, at every scale; all others are left to Pillow."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kinfolk.core import decode, jpeg

LARGEST = decode.LARGEST


def picture(height: int, width: int, mode: str = "RGB") -> Image.Image:
    """Patches of colour with noise over them."""
    draw = np.random.default_rng(height * width)
    patches = Image.fromarray(draw.integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize((width, height))
    noisy = np.asarray(patches).astype(int) + draw.integers(-12, 13, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def by_pillow(data: bytes, at_least: int, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    with monkeypatch.context() as alone:
        alone.setattr(jpeg, "decode", lambda *_: None)
        return decode.decode(data, "a.jpg", at_least)


@pytest.mark.parametrize(
    "options",
    [{}, {"quality": 30}, {"quality": 98, "subsampling": 0}, {"subsampling": 1}, {"progressive": True},
     {"restart_marker_blocks": 2}, {"comment": b"said by nobody"}],
    ids=str,
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(96, 96), (201, 333), (8, 5), (1, 1)], ids=str)
def test_the_same_pixels_as_pillow(
    size: tuple[int, int], mode: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(picture(*size, mode), **options)
    for at_least in (0, 4, 12, 24, 25, 48):
        got = jpeg.decode(data, at_least, LARGEST)
        assert got is not None
        np.testing.assert_array_equal(got, by_pillow(data, at_least, monkeypatch))


def test_a_path_and_its_bytes_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(data := encoded(picture(40, 30)))
    np.testing.assert_array_equal(jpeg.decode(tmp_path / "a.jpg", 0, LARGEST), jpeg.decode(data, 0, LARGEST))


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[decode.ORIENTATION] = 6
    return exif


@pytest.mark.parametrize(
    "data",
    [encoded(picture(40, 30), exif=turned()), encoded(picture(40, 30), xmp=b"<x tiff:Orientation='6'/>"),
     encoded(picture(40, 30, "CMYK")), encoded(picture(40, 30))[:-300], b"\xff\xd8\xff", b""],
    ids=["turned", "turned by XMP", "CMYK", "cut off", "three bytes", "empty"],
)
def test_what_is_not_plain_is_left_to_pillow(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    assert jpeg.decode(data, 0, LARGEST) is None
    assert jpeg.decode(tmp_path / "a.jpg", 0, LARGEST) is None


def test_too_many_pixels_are_left_to_pillow_which_refuses_them() -> None:
    assert jpeg.decode(encoded(picture(40, 30)), 0, 40 * 30 - 1) is None


def test_without_the_library_pillow_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(picture(40, 30))
    whole = decode.decode(data)
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    assert jpeg.decode(data, 0, LARGEST) is None
    np.testing.assert_array_equal(decode.decode(data), whole)
