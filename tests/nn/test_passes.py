"""Views pass through a network one by one or all of a size together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinfolk.nn.passes import through


class Counter(nn.Module):
    """Means over positions, remembering the batches it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(tuple(x.shape))
        return x.mean((2, 3))


def test_views_pass_one_by_one_or_joined_by_size():
    views = [torch.randn(4, 3, size, size) for size in (8, 8, 6, 6, 6)]
    expected = torch.stack([v.mean((2, 3)) for v in views])
    apart, joined = Counter(), Counter()
    torch.testing.assert_close(through(apart, views, "views"), expected)
    torch.testing.assert_close(through(joined, views, "all"), expected)
    assert apart.seen == [tuple(v.shape) for v in views]
    assert joined.seen == [(8, 3, 8, 8), (12, 3, 6, 6)]


def test_memory_format_is_kept():
    formats = []
    views = [torch.randn(4, 3, 8, 8).to(memory_format=torch.channels_last) for _ in range(2)]

    def look(x: Tensor) -> Tensor:
        formats.append(x.is_contiguous(memory_format=torch.channels_last))
        return x.mean((2, 3))

    through(look, views, "all")
    through(look, views, "views")
    assert formats == [True, True, True]
