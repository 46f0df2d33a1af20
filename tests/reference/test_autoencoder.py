"""Auto-encoder against the mean squared error, pixel by pixel."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.autoencoder import autoencoder_terms


def reference(z: Tensor, pixels: Tensor, *, summed: bool = False) -> dict[str, Tensor]:
    views, images, width = z.shape
    errors = [(z[v, i, p] - pixels[v, i, p]) ** 2 for v in range(views) for i in range(images) for p in range(width)]
    return {"reconstruction": torch.stack(errors).sum() / (views * images * (1 if summed else width))}


def test_equals_the_mean_squared_error(agree, draw, shape):
    agree(autoencoder_terms, reference, draw(shape), draw(shape, 1))


def test_the_error_is_a_mean_over_pixels(agree, draw):
    with pytest.raises(AssertionError, match="reconstruction"):
        agree(autoencoder_terms, partial(reference, summed=True), draw((2, 5, 4)), draw((2, 5, 4), 1))
