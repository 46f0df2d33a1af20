"""Digits: real originals, never shared between the splits, placed as their factors say."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from kinfolk.datasets.digits import CANVAS, Digits, originals_of


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits(train=3000, test=1000)


def test_no_original_is_in_both_splits(digits: Digits) -> None:
    train, test = (set(digits.open(s).factors["source"]) for s in ("train", "test"))
    assert not train & test
    assert len(train) > 1000
    assert len(test) > 250
    np.testing.assert_array_equal(np.union1d(originals_of("train", 1797), originals_of("test", 1797)), np.arange(1797))


@pytest.mark.parametrize("seed", [1, 2, 99])
def test_no_seed_brings_an_original_into_the_other_split(digits: Digits, seed: int) -> None:
    other = set(Digits(seed=seed, train=3000, test=10).open("train").factors["source"])
    assert not other & set(digits.open("test").factors["source"])


def test_labels_are_those_of_the_originals(digits: Digits) -> None:
    source = digits.open("test")
    np.testing.assert_array_equal(source.labels, load_digits().target[source.factors["source"].astype(int)])
    assert set(source.labels) == set(range(10))


def test_factors_fill_their_ranges_and_the_digit_stays_on_the_canvas(digits: Digits) -> None:
    f = digits.open("train").factors
    assert 18 <= f["size"].min() < 18.1
    assert 27.9 < f["size"].max() <= 28
    for axis in ("x", "y"):
        assert (f[axis] - f["size"] / 2 >= 0).all()
        assert (f[axis] + f["size"] / 2 <= CANVAS).all()
        free = (f[axis] - f["size"] / 2) / (CANVAS - f["size"])
        assert free.min() < 0.01
        assert free.max() > 0.99
    assert ((f["paper"] >= 0) & (f["paper"] + f["contrast"] <= 1)).all()


def test_a_rendering_is_the_original_enlarged_by_cubic_convolution(digits: Digits) -> None:
    """Against Pillow's bicubic (the same kernel), with the original on a wide black margin."""
    source = digits.open("test")
    originals = load_digits().images
    for i in range(20):
        f = {name: float(values[i]) for name, values in source.factors.items()}
        margin = 24
        padded = np.zeros((8 + 2 * margin, 8 + 2 * margin), dtype=np.float32)
        padded[margin:-margin, margin:-margin] = originals[int(f["source"])] / 16
        scale = 8 / f["size"]
        left = margin - (f["x"] - f["size"] / 2) * scale
        top = margin - (f["y"] - f["size"] / 2) * scale
        box = (left, top, left + CANVAS * scale, top + CANVAS * scale)
        drawn = np.asarray(Image.fromarray(padded).resize((CANVAS, CANVAS), Image.Resampling.BICUBIC, box=box))
        expected = 255 * (f["paper"] + f["contrast"] * drawn.clip(0, 1))
        assert np.abs(source.decode(i)[..., 0] - expected).max() < 1


def test_the_seed_decides_and_a_longer_draw_begins_with_the_shorter(digits: Digits) -> None:
    same, longer = Digits(train=3000, test=1).open("train"), Digits(train=3010, test=1).open("train")
    other = Digits(seed=5, train=3000, test=1).open("train")
    first = digits.open("train")
    np.testing.assert_array_equal(first.decode(7), same.decode(7))
    np.testing.assert_array_equal(first.decode(7), longer.decode(7))
    assert (first.decode(7) != other.decode(7)).any()
