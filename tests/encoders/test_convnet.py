"""The small convnet: the means of its last stage, or of all of them side by side."""

from __future__ import annotations

import torch

from kinfolk.encoders.convnet import ConvNet


def test_all_stages_stand_side_by_side_the_last_one_last() -> None:
    torch.manual_seed(0)
    one = ConvNet(32, channels=(8, 16, 24)).eval()
    every = ConvNet(32, channels=(8, 16, 24), pooled="all").eval()
    every.load_state_dict(one.state_dict())
    images = torch.randn(3, 3, 32, 32)
    assert (one.width, every.width) == (24, 48)
    h = every(images)
    assert torch.equal(h[:, 24:], one(images))
    assert torch.equal(h[:, :8], one.stages(images)[0].mean((2, 3)))
    assert ConvNet(32, channels=(8, 16), pooled="all", out=5)(images).shape == (3, 5)
