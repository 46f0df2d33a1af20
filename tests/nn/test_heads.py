"""Heads are built layer by layer as the papers say."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kinfolk.nn.heads import Prototypes, mlp


def kinds(head: nn.Sequential) -> list[str]:
    return [type(layer).__name__ for layer in head]


def test_layers_widths_and_norms():
    head = mlp(5, 7, 3, 3)
    assert kinds(head) == ["Linear", "BatchNorm1d", "ReLU"] * 2 + ["Linear"]
    assert [(layer.in_features, layer.out_features) for layer in head if isinstance(layer, nn.Linear)] == [
        (5, 7), (7, 7), (7, 3),
    ]
    assert head(torch.randn(4, 5)).shape == (4, 3)


def test_one_layer_is_linear():
    assert kinds(mlp(5, 7, 3, 1)) == ["Linear"]


@pytest.mark.parametrize(
    ("bias", "norm", "expected"), [(False, True, False), (True, True, True), (False, False, True)]
)
def test_hidden_layers_have_a_bias_when_asked_or_when_nothing_follows(bias, norm, expected):
    assert (mlp(5, 7, 3, bias=bias, norm=norm)[0].bias is not None) == expected


@pytest.mark.parametrize(("last_norm", "affine"), [("affine", True), ("plain", False)])
def test_last_norm(last_norm, affine):
    head = mlp(5, 7, 3, last_norm=last_norm)
    assert head[-1].affine == affine
    assert head[-2].bias is None, "the norm takes the mean off again"


def test_last_bias_can_be_left_out():
    assert mlp(5, 7, 3)[-1].bias is not None
    assert mlp(5, 7, 3, last_bias=False)[-1].bias is None


def test_prototypes_are_cosines():
    head = Prototypes(5, 3)
    x = torch.randn(4, 5)
    for row, found in zip(x, head(x), strict=True):
        torch.testing.assert_close(found, torch.cosine_similarity(head.weight, row[None], dim=1))
    torch.testing.assert_close(head(3 * x), head(x))


def test_gelu_where_asked():
    assert kinds(mlp(5, 7, 3, norm=False, activation="gelu")) == ["Linear", "GELU", "Linear"]
