"""SimCLR against equation 1 of the paper, anchor by anchor.

For V > 2 libraries differ: some keep an anchor's other positives among its negatives (they then repel what
another part of the loss attracts). Here they are left out, and each positive has a logarithm of its own.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.simclr import simclr_terms


def reference(z: Tensor, *, temperature: float, others_repel: bool = False) -> dict[str, Tensor]:
    views, images, _ = z.shape
    unit = z / z.norm(dim=2, keepdim=True)
    attraction, repulsion = [], []
    for v in range(views):
        for i in range(images):
            for w in range(views):
                if w == v:
                    continue
                positive = torch.dot(unit[v, i], unit[w, i]) / temperature
                denominator = positive.exp()
                for u in range(views):
                    for j in range(images):
                        if j != i or (others_repel and u not in (v, w)):
                            similarity = torch.dot(unit[v, i], unit[u, j]) / temperature
                            denominator = denominator + similarity.exp()
                attraction.append(-positive)
                repulsion.append(denominator.log())
    return {"attraction": torch.stack(attraction).mean(), "repulsion": torch.stack(repulsion).mean()}


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_equals_the_paper(agree, draw, shape, temperature):
    agree(simclr_terms, reference, draw(shape), temperature=temperature)


def test_two_views_are_cross_entropy_over_the_other_2b_minus_1(draw):
    z = draw((2, 5, 4))
    unit = torch.nn.functional.normalize(z.flatten(0, 1), dim=1)
    logits = (unit @ unit.T / 0.2).fill_diagonal_(-torch.inf)
    expected = torch.nn.functional.cross_entropy(logits, torch.arange(10).roll(5))
    torch.testing.assert_close(sum(simclr_terms(z, temperature=0.2).values()), expected)


def test_an_anchors_other_positives_are_no_negatives(agree, draw):
    with pytest.raises(AssertionError, match="repulsion"):
        agree(simclr_terms, partial(reference, others_repel=True), draw((3, 5, 4)), temperature=0.5)


def test_random_vectors_are_at_chance():
    z = torch.randn(2, 256, 512, generator=torch.Generator().manual_seed(1))
    total = sum(simclr_terms(z, temperature=1.0).values())
    assert abs(float(total) - torch.tensor(511.0).log()) < 0.01
