"""Barlow Twins against equations 1 and 2 of the paper, standardised as the authors' batch norm does."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.barlow_twins import barlow_twins_terms


def reference(z: Tensor, *, unbiased: bool = False) -> dict[str, Tensor]:
    views, images, width = z.shape
    standard = []
    for v in range(views):
        columns = []
        for d in range(width):
            mean = sum(z[v, i, d] for i in range(images)) / images
            squares = sum((z[v, i, d] - mean) ** 2 for i in range(images))
            deviation = torch.sqrt(squares / (images - unbiased) + 1e-5)
            columns.append([(z[v, i, d] - mean) / deviation for i in range(images)])
        standard.append(columns)
    diagonal, rest, pairs = 0, 0, views * (views - 1) // 2
    for v in range(views):
        for w in range(v + 1, views):
            for d in range(width):
                for e in range(width):
                    c = sum(a * b for a, b in zip(standard[v][d], standard[w][e], strict=True)) / images
                    if d == e:
                        diagonal = diagonal + (c - 1) ** 2 / pairs
                    else:
                        rest = rest + c**2 / pairs
    return {"invariance": diagonal, "redundancy": rest}


def test_equals_the_paper(agree, draw, shape):
    agree(barlow_twins_terms, reference, draw(shape))


def test_two_views_by_the_authors_own_lines(draw):
    z = draw((2, 6, 4))
    norm = torch.nn.BatchNorm1d(4, affine=False, dtype=torch.float64)
    c = norm(z[0]).T @ norm(z[1]) / 6
    found = barlow_twins_terms(z)
    torch.testing.assert_close(found["invariance"], (c.diagonal() - 1).square().sum())
    torch.testing.assert_close(found["redundancy"], c.square().sum() - c.diagonal().square().sum())


def test_the_variance_is_that_of_batch_norm(agree, draw):
    with pytest.raises(AssertionError, match="invariance"):
        agree(barlow_twins_terms, partial(reference, unbiased=True), draw((2, 6, 4)))
