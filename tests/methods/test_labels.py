"""The supervised method says what it lacks, and learns from labelled images only."""

from __future__ import annotations

import pytest
import torch

from kinfolk.core.errors import RequestError
from kinfolk.encoders.convnet import ConvNet
from kinfolk.methods import Views
from kinfolk.methods.supervised import Supervised


def views(labels: torch.Tensor | None) -> Views:
    pixels = [torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))]
    return Views(pixels, [{}], torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.arange(4), labels)


def test_the_number_of_classes_must_be_known():
    with pytest.raises(RequestError, match="number"):
        Supervised(ConvNet(16, channels=(8,)))


def test_data_without_labels_is_refused():
    method = Supervised(ConvNet(16, channels=(8,)), classes=3)
    with pytest.raises(RequestError, match="the data has none"):
        method(views(None))


def test_an_image_without_a_label_gives_no_gradient():
    method = Supervised(ConvNet(16, channels=(8,)), classes=3).eval()
    given = views(torch.tensor([0, 2, -1, 1]))
    given.pixels[0].requires_grad_()
    method(given)["cross_entropy"].backward()
    reached = given.pixels[0].grad.abs().sum((1, 2, 3)) > 0
    assert reached.tolist() == [True, True, False, True]
