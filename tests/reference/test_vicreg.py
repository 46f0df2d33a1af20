"""VICReg against the authors' code (main_vicreg.py), number by number.

Libraries disagree on the variance term: the authors' code, lightly and stable-pretraining halve it over the
two branches, solo-learn does not, so that its weight of 25 acts as 50. The paper's figures come from the
authors' code: halved is right.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.vicreg import vicreg_terms


def reference(z: Tensor, *, halved: bool = True) -> dict[str, Tensor]:
    views, images, width = z.shape
    errors = []
    for v in range(views):
        for w in range(v):
            squares = [(z[v, i, d] - z[w, i, d]) ** 2 for i in range(images) for d in range(width)]
            errors.append(sum(squares) / (images * width))
    hinges, covariances = [], []
    for v in range(views):
        mean = [sum(z[v, i, d] for i in range(images)) / images for d in range(width)]
        off = []
        for d in range(width):
            for e in range(width):
                products = [(z[v, i, d] - mean[d]) * (z[v, i, e] - mean[e]) for i in range(images)]
                covariance = sum(products) / (images - 1)
                if d == e:
                    hinges.append(torch.clamp(1 - torch.sqrt(covariance + 1e-4), min=0) / width)
                else:
                    off.append(covariance**2)
        covariances.append(sum(off) / width)
    return {
        "invariance": sum(errors) / len(errors),
        "variance": sum(hinges) / views * (1 if halved else 2),
        "covariance": sum(covariances) / views * 2,
    }


@pytest.mark.parametrize("scale", [1.0, 0.3], ids=["variance near one", "variance too small"])
def test_equals_the_authors_code(agree, draw, shape, scale):
    agree(vicreg_terms, reference, draw(shape) * scale)


def test_two_views_by_the_authors_own_lines(draw):
    x, y = draw((6, 4), 1), draw((6, 4), 2)
    found = vicreg_terms(torch.stack([x, y]))
    torch.testing.assert_close(found["invariance"], torch.nn.functional.mse_loss(x, y))
    hinge = [torch.relu(1 - torch.sqrt(a.var(0) + 1e-4)).mean() / 2 for a in (x, y)]
    torch.testing.assert_close(found["variance"], sum(hinge))
    matrices = [torch.cov(a.T) for a in (x, y)]
    off = [(c - torch.diag(torch.diag(c))).square().sum() / 4 for c in matrices]
    torch.testing.assert_close(found["covariance"], sum(off))


def test_the_variance_is_halved(agree, draw):
    with pytest.raises(AssertionError, match="variance"):
        agree(vicreg_terms, partial(reference, halved=False), draw((2, 6, 4)) * 0.3)


def test_collapse_costs_the_variance_one_and_nothing_else():
    found = vicreg_terms(torch.ones(2, 6, 4, dtype=torch.float64))
    assert found["invariance"] == found["covariance"] == 0
    torch.testing.assert_close(found["variance"], torch.tensor(0.99, dtype=torch.float64))
