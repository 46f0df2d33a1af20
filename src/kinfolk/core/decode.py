"""Image files to RGB arrays: every common kind comes out right, and what cannot is refused with the reason.

Rules, the same for every source:

* turned as its EXIF orientation says; of an animation or a document the first frame or page;
* palette, grey, one-bit and CMYK images become RGB; colour profiles are not applied;
* 16-bit values are divided by 257 (65535 -> 255), never cut off; 32-bit integers and floats carry no range of
  their own and take the smallest of 0-1 (floats only), 0-255 and 0-65535 that holds all their values;
* transparent parts are laid over white;
* more than ``LARGEST`` pixels, known from the header before anything is decoded, is refused as a
  decompression bomb.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from functools import cache

import numpy as np
from PIL import Image, UnidentifiedImageError

from kinfolk.core import jpeg
from kinfolk.core.errors import KinfolkError

LARGEST = 178_956_970
FORMATS = (
    "JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO", "TGA", "QOI",
)
SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".jp2", ".j2k", ".ico", ".tga", ".qoi",
))
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112


class BadImage(KinfolkError):
    """These bytes are no image that can be shown; the message says which and why."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what Pillow says about odd metadata; enter it once, outside the threads that decode."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode(data: bytes | str | os.PathLike[str], name: str = "", at_least: int = 0) -> np.ndarray:
    """Decode one image to RGB uint8 (H, W, 3).

    Args:
        data: the file's bytes, or its path.
        name: what to call it in messages; by default its path.
        at_least: where positive, a JPEG may be decoded at a half, a quarter or an eighth of its scale, as
            long as both sides stay at least twice this many pixels (what comes after must still resize).

    Raises:
        BadImage: it is not an image, is cut off, is damaged, or has more than ``LARGEST`` pixels.
    """
    if (plain := jpeg.decode(data, at_least, LARGEST)) is not None:
        return plain
    with _opened(data, name) as image:
        if at_least > 0:
            image.draft(None, (2 * at_least, 2 * at_least))
        image.load()
        turn = TURNS.get(_orientation(image))
        pixels = _rgb(image)
        if turn is not None:
            pixels = np.asarray(Image.fromarray(pixels).transpose(turn))
        return pixels


def shape(data: bytes | str | os.PathLike[str], name: str = "") -> tuple[int, int]:
    """Return (height, width) from the header alone, before any turning; raises BadImage as ``decode``."""
    with _opened(data, name) as image:
        return image.height, image.width


def fit(pixels: np.ndarray, size: int) -> np.ndarray:
    """Bring (H, W, 3) to (size, size, 3): the shorter side becomes ``size``, the longer one's middle is kept.

    Both in one resampling, bilinear with antialiasing: each new pixel averages all the old ones under a
    triangle as wide as the reduction. An image that already has this size is returned as it is.
    """
    height, width = pixels.shape[:2]
    if height == width == size:
        return pixels
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    image = Image.fromarray(np.ascontiguousarray(pixels))
    resized = image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.asarray(resized)


@contextlib.contextmanager
def _opened(data: bytes | str | os.PathLike[str], name: str) -> Iterator[Image.Image]:
    name = name or ("image" if isinstance(data, bytes) else str(data))
    try:
        if not (len(data) if isinstance(data, bytes) else os.path.getsize(data)):
            raise BadImage(f"{name}: the file is empty")
        with (
            io.BytesIO(data) if isinstance(data, bytes) else open(data, "rb") as handle,
            Image.open(handle, formats=_formats()) as image,
        ):
            if image.width * image.height > LARGEST:
                raise BadImage(_bomb(name, f"{image.width} x {image.height} pixels"))
            yield image
    except BadImage:
        raise
    except Image.DecompressionBombError as error:
        raise BadImage(_bomb(name, str(error).split(",")[0])) from None
    except UnidentifiedImageError:
        raise BadImage(f"{name}: not an image in a known format") from None
    except Exception as error:  # Pillow's plugins raise almost anything on damaged data
        raise BadImage(f"{name}: {error or type(error).__name__}") from None


def _bomb(name: str, found: str) -> str:
    return f"{name}: refused as a decompression bomb: {found}; at most {LARGEST:,} pixels are decoded"


@cache
def _formats() -> tuple[str, ...]:
    """The formats opened: those of ``FORMATS`` this Pillow has, none that starts another program."""
    Image.init()
    return tuple(f for f in FORMATS if f in Image.OPEN)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged metadata does not make the pixels bad
        return 1


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        grey = _eight_bits(np.asarray(image), wide=image.mode.startswith("I;16") or image.format == "PNG")
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _eight_bits(values: np.ndarray, wide: bool) -> np.ndarray:
    """Scale grey values of more than 8 bits to uint8; ``wide`` says they are known to be 16-bit."""
    low, high = float(values.min()), float(values.max())
    tops = [65535.0] if wide else [255.0, 65535.0]
    if values.dtype.kind == "f":
        tops.insert(0, 1.0)
    top = next((t for t in tops if high <= t), None)
    if top is None or not low >= 0:
        raise ValueError(f"values from {low:g} to {high:g} lie outside 0 to 65535")
    return np.rint(values * (255.0 / top)).astype(np.uint8)
