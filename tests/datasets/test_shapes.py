"""Shapes: distances, independence of the factors, and pixels against a slow rendering."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest

from kinfolk.datasets.shapes import RANGES, SHAPES, Shapes, render, rgb


def inside(name: str, x: float, y: float) -> bool:
    """Whether a point is in a shape, by plain geometry that shares nothing with the distances."""
    r, a = math.hypot(x, y), math.atan2(y, x)
    if name == "circle":
        return r < 1
    if name == "ring":
        return 0.5 < r < 1
    if name == "crescent":
        return r < 1 and math.hypot(x - 0.5, y) > 0.75
    if name == "cross":
        return max(abs(x), abs(y)) < 0.95 and min(abs(x), abs(y)) < 0.285
    if name == "arrow":
        return (-0.9 < x < 0.2 and abs(y) < 0.3) or (0.2 <= x < 1 and abs(y) < 1 - x)
    if name == "heart":
        u, v, side = abs(x), y + 0.1, 0.5
        middle = side / math.sqrt(2)
        return u + abs(v) < math.sqrt(2) * side or math.hypot(u - middle, v - middle) < side
    corners = {"triangle": 3, "square": 4, "hexagon": 6, "star": 5}[name]
    step = 2 * math.pi / corners
    turned = abs((a - math.pi / 2 + step / 2) % step - step / 2)
    if name == "star":
        tip, notch = complex(1, 0), 0.45 * complex(math.cos(step / 2), math.sin(step / 2))
        edge, point = notch - tip, r * complex(math.cos(turned), math.sin(turned)) - tip
        return (edge.conjugate() * point).imag > 0
    return r * math.cos(step / 2 - turned) < math.cos(step / 2)


@pytest.mark.parametrize("name", SHAPES)
def test_the_distance_is_negative_exactly_within_the_shape(name: str) -> None:
    points = np.random.default_rng(3).uniform(-1.1, 1.1, (3000, 2))
    distance = SHAPES[name](points[:, 0], points[:, 1])
    clear = np.abs(distance) > 1e-3
    expected = np.array([inside(name, x, y) for x, y in points])
    np.testing.assert_array_equal((distance < 0)[clear], expected[clear])
    assert 0.1 < expected.mean() < 0.8


@pytest.mark.parametrize("name", SHAPES)
def test_no_shape_leaves_its_circle_and_the_distance_has_slope_one_at_its_outline(name: str) -> None:
    points = np.random.default_rng(4).uniform(-1.1, 1.1, (20000, 2))
    x, y = points[:, 0], points[:, 1]
    distance, h = SHAPES[name](x, y), 1e-3
    assert (np.hypot(x, y)[distance < 0] <= 1.001).all()
    near = np.abs(distance) < 0.05
    slope = np.hypot((SHAPES[name](x + h, y) - distance) / h, (SHAPES[name](x, y + h) - distance) / h)[near]
    assert abs(np.median(slope) - 1) < 0.02


def test_colours_are_those_of_the_standard_library() -> None:
    hsv = np.random.default_rng(5).uniform(0, 1, (200, 3))
    np.testing.assert_allclose(rgb(*hsv.T), [colorsys.hsv_to_rgb(*c) for c in hsv], atol=1e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_pixels_agree_with_a_rendering_by_many_samples(name: str) -> None:
    """Each pixel as the mean over 16 x 16 points; edges may differ by what a straight edge through it allows."""
    source = Shapes(train=400, test=1, size=16).open("train")
    index = int(np.flatnonzero(source.labels == list(SHAPES).index(name))[0])
    f = {k: float(v[index]) for k, v in source.factors.items()}
    shape = np.array(colorsys.hsv_to_rgb(f["hue"], f["saturation"], f["value"]))
    angle, turn = math.radians(f["texture_angle"]), math.radians(f["rotation"])
    expected, covered = np.zeros((16, 16, 3)), np.zeros((16, 16))
    for row in range(16):
        for column in range(16):
            across, down = (column + 0.5) / 16, (row + 0.5) / 16
            phase = 2 * math.pi * f["texture_waves"] * (math.cos(angle) * across + math.sin(angle) * down)
            value = f["ground_value"] + f["texture_contrast"] * math.sin(phase + math.radians(f["texture_phase"]))
            ground = np.array(colorsys.hsv_to_rgb(f["ground_hue"], f["ground_saturation"], value))
            for i in range(256):
                u = ((column + (i % 16 + 0.5) / 16) / 16 - f["x"]) / f["radius"]
                v = (f["y"] - (row + (i // 16 + 0.5) / 16) / 16) / f["radius"]
                x = math.cos(turn) * u + math.sin(turn) * v
                y = math.cos(turn) * v - math.sin(turn) * u
                covered[row, column] += inside(name, x, y) / 256
            expected[row, column] = ground + covered[row, column] * (shape - ground)
    error = np.abs(source.decode(index) / 255 - expected.clip(0, 1))
    whole = (covered == 0) | (covered == 1)
    assert error[whole].max() < 0.13
    assert error[whole].mean() < 0.01
    assert error.mean() < 0.02


def test_factors_fill_their_ranges_and_are_independent_of_each_other_and_of_the_class() -> None:
    source = Shapes(train=4000, test=1).open("train")
    values = np.stack([source.factors[name] for name in RANGES])
    for (low, high), drawn in zip(RANGES.values(), values, strict=True):
        assert low <= drawn.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < drawn.max() <= high
    together = np.corrcoef(np.concatenate([values, source.labels[None]])) - np.eye(len(values) + 1)
    assert np.abs(together).max() < 0.06
    assert np.abs(np.bincount(source.labels, minlength=len(SHAPES)) / 400 - 1).max() < 0.2


def test_a_batch_is_rendered_as_each_alone() -> None:
    source = Shapes(train=300, test=1).open("train")
    for i in (0, 255, 256, 299):
        one = render(source.labels[i : i + 1], {k: v[i : i + 1] for k, v in source.factors.items()}, 32)[0]
        np.testing.assert_array_equal(source.decode(i), one)


FROZEN_LABELS = [3, 6, 0]
FROZEN = [
    [76, 83, 91, 80, 126, 70, 74, 82, 90, 74, 84, 87],
    [87, 102, 88, 86, 98, 88, 90, 117, 87, 90, 106, 90],
    [95, 99, 63, 165, 103, 122, 69, 90, 42, 87, 93, 57],
]


def test_the_generator_is_frozen() -> None:
    """Means over quarters of the first images, noted when the generator was made."""
    source = Shapes(train=3, test=1).open("train")
    got = [source.decode(i).reshape(2, 16, 2, 16, 3).mean((1, 3)) for i in range(3)]
    assert source.labels.tolist() == FROZEN_LABELS
    assert np.abs(np.array(got).reshape(3, 12) - FROZEN).max() <= 1
