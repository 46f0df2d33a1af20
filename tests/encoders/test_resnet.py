"""ResNet: torchvision's names and shapes, written by rule, and the published parameter counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision_names import expected

from kinfolk.core.errors import RequestError
from kinfolk.encoders.resnet import ResNet
from kinfolk.nn.heads import mlp

TORCHVISION = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032}


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_names_and_shapes_are_torchvisions(depth):
    encoder = ResNet(224, depth=depth)
    assert {k: tuple(v.shape) for k, v in encoder.state_dict().items()} == expected(depth)


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_with_a_classifier_the_count_is_the_published_one(depth):
    encoder = ResNet(224, depth=depth, out=1000)
    assert count(encoder) == TORCHVISION[depth]
    assert tuple(encoder.fc.weight.shape) == (1000, 2048 if depth == 50 else 512)


def test_the_networks_of_study_3_have_its_counts():
    small = count(ResNet(64, depth=18, stem="3x3", out=1000)) + count(mlp(1000, 2048, 128))
    large = count(ResNet(64, depth=34, stem="7x7", out=1000)) + count(mlp(1000, 2048, 128))
    assert round(small / 1e6) == 14
    assert round(large / 1e6) == 24


@pytest.mark.parametrize(("size", "stem", "sides"), [
    (32, "auto", [32, 16, 8, 4]), (64, "auto", [64, 32, 16, 8]), (96, "auto", [24, 12, 6, 3]),
    (64, "7x7", [16, 8, 4, 2]), (96, "3x3", [96, 48, 24, 12]),
])
def test_the_stem_goes_by_the_image_size_unless_named(size, stem, sides):
    encoder = ResNet(size, stem=stem).eval()
    with torch.no_grad():
        maps = encoder.stages(torch.randn(1, 3, size, size))
    assert [m.shape[3] for m in maps] == sides
    assert [m.shape[1] for m in maps] == [64, 128, 256, 512]


def test_the_bottleneck_strides_in_its_3x3_convolution():
    block = ResNet(224, depth=50).layer2[0]
    assert (block.conv1.stride, block.conv2.stride, block.conv3.stride) == ((1, 1), (2, 2), (1, 1))


def test_blocks_start_as_the_identity_when_asked():
    x = torch.rand(2, 64, 8, 8)
    assert torch.equal(ResNet(32).layer1(x), x)
    assert not torch.equal(ResNet(32, zero_init=False).layer1(x), x)


def test_an_unknown_depth_is_refused():
    with pytest.raises(RequestError, match="18, 34 or 50"):
        ResNet(32, depth=20)
