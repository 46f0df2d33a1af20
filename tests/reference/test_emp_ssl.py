"""EMP-SSL against the authors' code (main.py, loss.py): the coding rate from eigenvalues, crop by crop."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.emp_ssl import emp_ssl_terms


def reference(z: Tensor, *, distortion: float, per_crop: bool = True) -> dict[str, Tensor]:
    views, images, width = z.shape
    unit = [[z[v, i] / z[v, i].norm() for i in range(images)] for v in range(views)]
    similarity = torch.zeros((), dtype=z.dtype)
    for i in range(images):
        mean = sum(unit[v][i] for v in range(views)) / views
        for v in range(views):
            similarity = similarity + torch.dot(unit[v][i], mean) / mean.norm() / (views * images)
    sets = unit if per_crop else [[row for crop in unit for row in crop]]
    rate = torch.zeros((), dtype=z.dtype)
    for rows in sets:
        moment = sum(torch.outer(row, row) for row in rows)
        values = torch.linalg.eigvalsh(moment * width / (len(rows) * distortion))
        rate = rate + torch.log1p(values.clamp(min=0)).sum() / 2 / len(sets)
    return {"similarity": -similarity, "coding_rate": -rate}


@pytest.mark.parametrize("distortion", [0.2, 1.0])
def test_equals_the_authors_code(agree, draw, shape, distortion):
    agree(emp_ssl_terms, reference, draw(shape), distortion=distortion)


def test_the_coding_rate_is_taken_for_each_crop_apart(agree, draw):
    with pytest.raises(AssertionError, match="coding_rate"):
        agree(emp_ssl_terms, partial(reference, per_crop=False), draw((3, 5, 4)), distortion=0.2)


def test_vectors_that_fill_the_space_have_the_largest_rate():
    basis = torch.eye(4, dtype=torch.float64).repeat(1, 2, 1)
    full = emp_ssl_terms(basis, distortion=0.2)["coding_rate"]
    torch.testing.assert_close(full, -2 * torch.tensor(6.0, dtype=torch.float64).log())
    flat = emp_ssl_terms(basis[:, :1].expand(1, 8, 4), distortion=0.2)["coding_rate"]
    assert full < flat
