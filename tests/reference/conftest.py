"""What every reference test does: compare values and gradients with a slow implementation in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

Terms = Callable[..., dict[str, Tensor]]


@pytest.fixture
def agree() -> Callable[..., None]:
    """``agree(terms, reference, *tensors, by=1, **settings)``: equal terms and gradients, or an error.

    Gradients are compared by the first ``by`` tensors; a term that does not depend on one has none in both.
    """

    def compare(terms: Terms, reference: Terms, *tensors: Tensor, by: int = 1, **settings: float) -> None:
        own = [t.clone().requires_grad_(t.is_floating_point()) for t in tensors]
        slow = [t.clone().requires_grad_(t.is_floating_point()) for t in tensors]
        found, expected = terms(*own, **settings), reference(*slow, **settings)
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert found[name].shape == ()
            torch.testing.assert_close(
                found[name], value, rtol=1e-9, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}"
            )
            for a, b in zip(
                torch.autograd.grad(found[name], own[:by], retain_graph=True, allow_unused=by > 1),
                torch.autograd.grad(value, slow[:by], retain_graph=True, allow_unused=by > 1),
                strict=True,
            ):
                torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9, msg=lambda m, n=name: f"d {n}: {m}")

    return compare


@pytest.fixture(params=[(2, 6, 4), (2, 4, 7), (3, 5, 4), (8, 3, 5)], ids=lambda s: "V{} B{} P{}".format(*s))
def shape(request: pytest.FixtureRequest) -> tuple[int, int, int]:
    """(V, B, P): two and more views, more images than dimensions and fewer."""
    return request.param


@pytest.fixture
def draw() -> Callable[..., Tensor]:
    """``draw(shape, seed)``: normal numbers in float64, not centred."""

    def normal(shape: tuple[int, ...], seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(shape, generator=generator, dtype=torch.float64) * 1.3 + 0.4

    return normal
