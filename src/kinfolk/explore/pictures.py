"""Pictures: images by number as PNG, many on one sheet, and uploaded ones decoded under guard."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence

import numpy as np
from PIL import Image

from kinfolk.core import decode, files
from kinfolk.explore.part import Part
from kinfolk.explore.refusal import Refusal

PIXELS = 40_000_000
ACROSS = 32
GREY = 128
_one_at_a_time = threading.Lock()


def picture(part: Part, index: int, size: int | None) -> bytes:
    """One image as PNG, in the size it was learned from or brought to a square of ``size``."""
    pixels = shown(part, part.row(index), size)
    release(part)
    return encoded(pixels, "PNG")


def sheet(part: Part, index: Sequence[int], size: int) -> bytes:
    """Images in the order given, ``ACROSS`` in a row, each a square of ``size``, as one JPEG."""
    rows = part.rows_of(list(index))
    across = min(ACROSS, len(rows))
    whole = np.full((-(-len(rows) // across) * size, across * size, 3), GREY, np.uint8)
    for number, row in enumerate(rows.tolist()):
        top, left = number // across * size, number % across * size
        whole[top : top + size, left : left + size] = shown(part, row, size)
    release(part)
    return encoded(whole, "JPEG", quality=88, subsampling=0)


def shown(part: Part, row: int, size: int | None) -> np.ndarray:
    """One image as uint8 (h, w, 3)."""
    if part.images is None:
        raise Refusal(409, f"there are no pictures of {part.name}: a features file holds vectors alone.")
    try:
        pixels = np.ascontiguousarray(part.images.pixels[row].transpose(1, 2, 0))
    except OSError as error:
        raise Refusal(409, f"the image cannot be read any more: {error.strerror or error}.") from None
    if size is None or pixels.shape[0] == size:
        return pixels
    if pixels.shape[0] > size:
        return decode.fit(pixels, size)
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST))


def release(part: Part) -> None:
    """Let go of the pages of the image cache that were read, which would add up to all images."""
    if part.images is not None:
        files.release(part.images.pixels)


def encoded(pixels: np.ndarray, kind: str, **settings: int) -> bytes:
    """An image file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **settings)
    return buffer.getvalue()


def uploaded(data: bytes, size: int) -> tuple[np.ndarray, tuple[int, int]]:
    """An uploaded file as uint8 (1, 3, size, size), prepared like an image of a dataset; and its width and height.

    Raises:
        Refusal: it is no image, or has more than ``PIXELS`` pixels, which its header says before it is decoded.
    """
    try:
        with _one_at_a_time, decode.quiet():
            height, width = decode.shape(data, "the upload")
            if height * width > PIXELS:
                raise Refusal(413, f"the image has {width:,} x {height:,} pixels; at most {PIXELS:,} are taken.")
            pixels = decode.fit(decode.decode(data, "the upload", at_least=size), size)
    except decode.BadImage as error:
        raise Refusal(400, f"{error}.") from None
    return pixels.transpose(2, 0, 1)[None], (width, height)
