"""Histograms, the pixel floor, altered images and the ridge read-out against slow loops and scikit-learn."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from PIL import Image

from kinfolk.numerics import pixels as altered
from kinfolk.numerics import ridge
from kinfolk.numerics.histogram import colour_histogram


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """uint8 (6, 3, 24, 24): smooth random images."""
    random = np.random.default_rng(0)
    coarse = random.integers(40, 216, (6, 3, 4, 4)).astype(np.uint8)
    return np.stack([
        np.asarray(Image.fromarray(c.transpose(1, 2, 0)).resize((24, 24), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
        for c in coarse
    ])


def test_histograms_are_those_of_numpy(images: np.ndarray) -> None:
    images = np.concatenate([images, np.full((1, 3, 24, 24), 255, np.uint8), np.zeros((1, 3, 24, 24), np.uint8)])
    for image, found in zip(images, colour_histogram(images), strict=True):
        counts, _ = np.histogramdd(image.reshape(3, -1).T, bins=8, range=[(0, 256)] * 3)
        assert np.allclose(found, np.sqrt(counts.ravel() / 576), atol=1e-6)
        assert np.linalg.norm(found) == pytest.approx(1, rel=1e-5)


def test_the_pixel_floor_is_area_resized() -> None:
    large = np.random.default_rng(1).integers(0, 256, (2, 3, 96, 64)).astype(np.uint8)
    found = altered.pixels_floor(large).reshape(2, 3, 32, 32)
    assert np.allclose(found[1, 2, 5, 7], large[1, 2, 15:18, 14:16].mean() / 255, atol=1e-5)
    small = large[:, :, :20, :20]
    assert np.allclose(altered.pixels_floor(small), small.reshape(2, -1) / 255, atol=1e-6)


def test_grey_images_have_no_colour_and_the_same_brightness(images: np.ndarray) -> None:
    grey = altered.greyscaled(images)
    assert (grey == grey[:, :1]).all()
    luma = np.einsum("c,nchw->nhw", [0.299, 0.587, 0.114], images)
    assert np.abs(grey[:, 0] - luma).max() <= 1


def test_a_turn_of_the_hue_moves_the_hue_and_a_whole_one_nothing() -> None:
    plain = np.array([150, 90, 110], dtype=np.uint8)[None, :, None, None] * np.ones((1, 1, 2, 2), dtype=np.uint8)
    hues, luma = [], np.array([0.299, 0.587, 0.114])
    for turns in (0.0, 0.25, 0.5, 0.75):
        moved = altered.hue_shifted(plain, turns)[0, :, 0, 0]
        hues.append(colorsys.rgb_to_hsv(*moved / 255)[0])
        assert moved @ luma == pytest.approx(plain[0, :, 0, 0] @ luma, abs=1.5)
    assert np.ptp(np.sort(hues)[1:] - np.sort(hues)[:-1]) < 0.2
    assert np.abs(altered.hue_shifted(plain, 1.0).astype(int) - plain).max() <= 1


def test_border_and_centre_are_halves_and_blur_only_their_own(images: np.ndarray) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (2, 3, 40, 40)).astype(np.uint8)
    border, centre = altered.border_blurred(noise) != noise, altered.centre_blurred(noise) != noise
    assert not (border & centre).any()
    assert border.any(1).mean() == pytest.approx(0.5, abs=0.06)
    assert not border[:, :, 12:28, 12:28].any()
    assert not centre[:, :, :5].any()
    blurred = altered.border_blurred(noise)[:, :, :5].astype(float)
    assert blurred.std() < 0.4 * noise[:, :, :5].std()


def test_ridge_reads_what_is_there_and_nothing_else() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=(400, 10))
    y = np.c_[x @ random.normal(size=10), x[:, 0] + random.normal(size=400), random.normal(size=400)]
    found, (low, high) = ridge.held_out_r2(x, y)
    assert found[0] > 0.999
    assert found[1] == pytest.approx(0.5, abs=0.12)
    assert found[2] < 0.05
    assert low < (1 + 0.5 + 0) / 3 < high
    assert high - low < 0.15
    nothing, bounds = ridge.held_out_r2(np.ones((20, 2)), y[:20])
    assert (nothing == 0).all()
    assert bounds == (None, None)
