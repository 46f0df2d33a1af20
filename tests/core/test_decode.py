"""Image files of every kind become the RGB that a person would see, or are refused with the reason."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinfolk.core import decode
from kinfolk.core.decode import BadImage


def smooth(height: int = 24, width: int = 32) -> np.ndarray:
    """A gradient with a different slope in every channel, and no symmetry: uint8 (H, W, 3)."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 7, y * 9, x * 3 + y * 4], axis=2).clip(0, 255).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png16(values: np.ndarray) -> bytes:
    """A 16-bit grey PNG written by the specification, without Pillow."""
    height, width = values.shape
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "TGA"])
def test_lossless_formats_come_back_exactly(kind: str) -> None:
    np.testing.assert_array_equal(decode.decode(encoded(Image.fromarray(smooth()), kind)), smooth())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_lossy_formats_come_back_closely(kind: str) -> None:
    got = decode.decode(encoded(Image.fromarray(smooth()), kind, quality=95))
    assert got.shape == (24, 32, 3)
    assert np.abs(got.astype(int) - smooth()).mean() < 8


def test_a_path_and_its_bytes_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(smooth()), "PNG"))
    np.testing.assert_array_equal(decode.decode(path), decode.decode(path.read_bytes()))
    assert decode.shape(path) == decode.shape(path.read_bytes()) == (24, 32)


def test_grey_has_three_equal_channels() -> None:
    grey = smooth()[:, :, 0]
    np.testing.assert_array_equal(decode.decode(encoded(Image.fromarray(grey), "PNG")), np.stack([grey] * 3, axis=2))


def test_one_bit_is_black_and_white() -> None:
    bits = smooth()[:, :, 0] > 100
    got = decode.decode(encoded(Image.fromarray(bits), "PNG"))
    np.testing.assert_array_equal(got, np.stack([bits * 255] * 3, axis=2))


def test_a_palette_is_looked_up() -> None:
    image = Image.fromarray((np.arange(24 * 32) % 3).reshape(24, 32).astype(np.uint8), "L")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    colours = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]], dtype=np.uint8)
    expected = colours[np.arange(24 * 32) % 3].reshape(24, 32, 3)
    np.testing.assert_array_equal(decode.decode(encoded(image, "PNG")), expected)


def test_sixteen_bits_are_scaled_over_the_whole_range() -> None:
    values = np.linspace(0, 65535, 24 * 32).reshape(24, 32).astype(np.uint16)
    got = decode.decode(png16(values))
    np.testing.assert_array_equal(got[..., 0], np.rint(values / 257))
    assert got.min() == 0
    assert got.max() == 255
    assert len(np.unique(got)) == 256


def test_a_dark_sixteen_bit_image_stays_dark() -> None:
    assert decode.decode(png16(np.full((4, 4), 200, dtype=np.uint16))).max() == 1


@pytest.mark.parametrize(("top", "kind"), [(1.0, np.float32), (255, np.float32), (65535, np.float32), (255, np.int32),
                                           (65535, np.int32)])
def test_floats_and_long_integers_take_the_smallest_range_that_holds_them(top: float, kind: type) -> None:
    values = np.linspace(0, top, 24 * 32).reshape(24, 32).astype(kind)
    got = decode.decode(encoded(Image.fromarray(values), "TIFF"))
    assert np.abs(got[..., 1] - np.linspace(0, 255, 24 * 32).reshape(24, 32)).max() <= 1


@pytest.mark.parametrize("value", [-3.0, 1e6, np.nan])
def test_floats_outside_every_range_are_refused(value: float) -> None:
    values = np.full((4, 4), value, dtype=np.float32)
    with pytest.raises(BadImage, match="x.tif.*outside 0 to 65535"):
        decode.decode(encoded(Image.fromarray(values), "TIFF"), "x.tif")


def test_cmyk_ink_becomes_light() -> None:
    ink = np.zeros((8, 8, 4), dtype=np.uint8)
    ink[:, :4, 0] = 255
    got = decode.decode(encoded(Image.fromarray(ink, "CMYK"), "JPEG", quality=95))
    assert np.abs(got[4, 6].astype(int) - 255).max() < 6
    assert np.abs(got[4, 1].astype(int) - [0, 255, 255]).max() < 6


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_over_white(mode: str) -> None:
    colour = smooth() if mode == "RGBA" else smooth()[:, :, :1]
    alpha = np.linspace(0, 255, 24 * 32).reshape(24, 32, 1).astype(np.uint8)
    got = decode.decode(encoded(Image.fromarray(np.concatenate([colour, alpha], axis=2), mode), "PNG"))
    part = alpha / 255.0
    assert np.abs(got - (colour * part + 255 * (1 - part))).max() <= 1.01


def test_a_transparent_palette_entry_is_white() -> None:
    image = Image.fromarray((np.arange(16) % 2).reshape(4, 4).astype(np.uint8), "L")
    image.putpalette([10, 20, 30, 40, 50, 60])
    got = decode.decode(encoded(image, "PNG", transparency=bytes([0, 255])))
    np.testing.assert_array_equal(got[0, :2], [[255, 255, 255], [40, 50, 60]])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "lime")]
    got = decode.decode(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert np.abs(got.astype(int) - [255, 0, 0]).max() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    """The tag says where row 0 and column 0 of the stored image are seen (EXIF 2.3, section 4.6.4)."""
    seen = smooth()
    stored = {1: seen, 2: seen[:, ::-1], 3: seen[::-1, ::-1], 4: seen[::-1], 5: seen.transpose(1, 0, 2),
              6: seen.transpose(1, 0, 2)[::-1], 7: seen.transpose(1, 0, 2)[::-1, ::-1],
              8: seen.transpose(1, 0, 2)[:, ::-1]}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif)
    np.testing.assert_array_equal(decode.decode(data), seen)


def test_broken_exif_does_not_make_an_image_bad() -> None:
    data = encoded(Image.fromarray(smooth()), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    with decode.quiet():
        assert decode.decode(data).shape == (24, 32, 3)


def test_an_enormous_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    np.testing.assert_array_equal(decode.decode(encoded(Image.fromarray(smooth()), "PNG", exif=exif)), smooth())


@pytest.mark.parametrize(("data", "reason"), [
    (b"", "empty"), (b"not an image at all", "not an image"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    (b"\x89PNG\r\n\x1a\n", "."), (b"\xff\xd8\xff", "."), (b"GIF89a", "."),
])
def test_what_is_no_image_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BadImage, match=rf"^odd\.jpg: .*{reason}"):
        decode.decode(data, "odd.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_file_cut_in_half_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(BadImage, match=r"^cut\.jpg: .+"):
        decode.decode(data[: len(data) // 2], "cut.jpg")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadImage, match=r"gone\.png"):
        decode.decode(tmp_path / "gone.png")


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes of data do not have."""
    data = bytearray(png16(np.zeros((1, 1), dtype=np.uint16)))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


@pytest.mark.parametrize("size", [(20_000, 9_000), (60_000, 60_000)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    for ask in (decode.decode, decode.shape):
        with decode.quiet(), pytest.raises(BadImage, match=r"^b\.png: refused as a decompression bomb.*pixels"):
            ask(bomb(*size), "b.png")


def test_jpeg_is_decoded_at_reduced_scale_only_as_far_as_asked() -> None:
    data = encoded(Image.fromarray(smooth(400, 640)), "JPEG")
    assert decode.decode(data).shape == (400, 640, 3)
    assert decode.decode(data, at_least=30).shape == (100, 160, 3)
    assert decode.decode(data, at_least=100).shape == (200, 320, 3)
    assert decode.decode(data, at_least=101).shape == (400, 640, 3)


def test_fit_keeps_an_image_of_the_right_size() -> None:
    image = smooth(24, 24)
    assert decode.fit(image, 24) is image


@pytest.mark.parametrize("upright", [False, True])
def test_fit_is_resizing_the_shorter_side_and_cropping_the_middle(upright: bool) -> None:
    wide = np.random.default_rng(2).integers(0, 256, (10, 30, 3)).astype(np.uint8)
    np.testing.assert_array_equal(decode.fit(wide, 10), wide[:, 10:20])
    whole = np.asarray(Image.fromarray(wide).resize((15, 5), Image.Resampling.BILINEAR))
    expected = whole[:, 5:10]
    if upright:
        wide, expected = wide.transpose(1, 0, 2), expected.transpose(1, 0, 2)
    assert np.abs(decode.fit(wide, 5).astype(int) - expected).max() <= 1


def test_fit_averages_under_a_triangle() -> None:
    """Against the definition, written out: weights max(0, 1 - |distance| / scale), normalised, in each direction."""
    image = np.random.default_rng(1).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    size, scale = 8, 20 / 8
    centres = (np.arange(size) + 0.5) * scale
    weights = np.maximum(0, 1 - np.abs(np.arange(20) + 0.5 - centres[:, None]) / scale)
    weights /= weights.sum(1, keepdims=True)
    expected = np.einsum("yi,xj,ijc->yxc", weights, weights, image.astype(float))
    assert np.abs(decode.fit(image, size) - expected).max() <= 1.01
