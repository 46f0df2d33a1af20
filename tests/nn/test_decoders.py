"""Decoders paint images of the side they are asked for, from vectors and from maps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kinfolk.nn.decoders import Decoder, Upsampling


@pytest.mark.parametrize(
    ("size", "start"), [(8, 1), (16, 2), (24, 3), (28, 4), (32, 4), (40, 5), (64, 4), (96, 6), (100, 13), (224, 7)]
)
def test_images_of_any_side_from_a_small_start(size: int, start: int) -> None:
    decoder = Decoder(5, size, 8)
    assert decoder.upsampling.start == start
    assert decoder(torch.randn(2, 5)).shape == (2, 3, size, size)


def test_a_side_that_is_no_multiple_of_eight_is_the_middle_of_the_next_one() -> None:
    torch.manual_seed(0)
    large, small = Upsampling(32, 4).eval(), Upsampling(28, 4).eval()
    small.load_state_dict(large.state_dict())
    maps = torch.randn(2, large.inside, 4, 4)
    torch.testing.assert_close(small(maps), large(maps)[:, :, 2:30, 2:30])


def test_channels_halve_towards_the_image_and_have_a_ceiling() -> None:
    layers = [m for m in Upsampling(128, 48, inside=10).layers if isinstance(m, nn.ConvTranspose2d)]
    assert [(m.in_channels, m.out_channels) for m in layers] == [(10, 256), (256, 192), (192, 96), (96, 48), (48, 3)]


def test_the_length_of_a_vector_matters() -> None:
    torch.manual_seed(0)
    decoder = Decoder(6, 16, 8)
    vectors = torch.randn(4, 6)
    assert (decoder(vectors) - decoder(0.1 * vectors)).abs().max() > 0.1
