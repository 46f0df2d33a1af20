"""Plain JPEG files decoded by libjpeg-turbo without Pillow around it: the same pixels in less time.

What is not plain is Pillow's: turned by its metadata, CMYK, damaged, very large, or another format. So is everything
where simplejpeg is not installed.
"""

from __future__ import annotations

import os

import numpy as np

START = b"\xff\xd8\xff"
TURNED = (b"Exif\0\0", b"Orientation")
PLAIN = ("YCbCr", "Gray")
SCALES = (8, 4, 2)


def decode(data: bytes | str | os.PathLike[str], at_least: int, largest: int) -> np.ndarray | None:
    """Decode a plain JPEG of at most ``largest`` pixels to RGB uint8 (H, W, 3); None where Pillow must.

    ``at_least`` as in ``core.decode.decode``: the scale is the one that Pillow's ``draft`` takes for it.
    """
    try:
        import simplejpeg

        content = _content(data)
        if content is None or any(mark in content for mark in TURNED):
            return None
        height, width, colours, _ = simplejpeg.decode_jpeg_header(content)
        if colours not in PLAIN or height * width > largest:
            return None
        scale = _scale(height, width, 2 * at_least) if at_least > 0 else 1
        sides = (-(-height // scale), -(-width // scale)) if scale > 1 else (0, 0)
        pixels: np.ndarray = simplejpeg.decode_jpeg(content, "RGB", min_height=sides[0], min_width=sides[1])
    except (ImportError, ValueError, OSError):
        return None
    return pixels


def _content(data: bytes | str | os.PathLike[str]) -> bytes | None:
    """The bytes of a JPEG, None of anything else."""
    if isinstance(data, bytes):
        return data if data.startswith(START) else None
    with open(data, "rb") as handle:
        start = handle.read(len(START))
        return start + handle.read() if start == START else None


def _scale(height: int, width: int, sides: int) -> int:
    """The largest of ``SCALES`` that leaves both sides at ``sides`` or more, else 1."""
    return next((scale for scale in SCALES if min(height, width) // sides >= scale), 1)
