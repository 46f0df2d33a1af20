"""Supervised against cross-entropy written out image by image, images without a label left out."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.supervised import supervised_terms


def reference(z: Tensor, labels: Tensor, *, smoothing: float, count_all: bool = False) -> dict[str, Tensor]:
    views, images, classes = z.shape
    losses = []
    for v in range(views):
        for i in range(images):
            if labels[i] < 0:
                continue
            log = [z[v, i, c] - z[v, i].exp().sum().log() for c in range(classes)]
            target = [smoothing / classes + (1 - smoothing) * float(c == labels[i]) for c in range(classes)]
            losses.append(-sum(t * p for t, p in zip(target, log, strict=True)))
    return {"cross_entropy": sum(losses) / (views * images if count_all else len(losses))}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_cross_entropy(agree, draw, shape, smoothing):
    labels = torch.arange(shape[1]) % 3 - (torch.arange(shape[1]) == 1).long() * 2
    assert (labels == -1).any()
    agree(supervised_terms, reference, draw(shape), labels, smoothing=smoothing)


def test_images_without_a_label_are_not_counted(agree, draw):
    labels = torch.tensor([0, 1, -1, 2, -1])
    with pytest.raises(AssertionError, match="cross_entropy"):
        agree(supervised_terms, partial(reference, count_all=True), draw((2, 5, 4)), labels, smoothing=0.0)


def test_a_batch_without_labels_gives_zero(draw):
    found = supervised_terms(draw((2, 5, 4)), torch.full((5,), -1), smoothing=0.0)
    assert found["cross_entropy"] == 0
