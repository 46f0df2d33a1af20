"""Vision transformer: timm's names and counts, positions, attention against a loop, other image sizes."""

from __future__ import annotations

import math

import pytest
import torch

from kinfolk.encoders.vit import Attention, ViT, sine_cosine


def build(image_size: int = 32, **settings: object) -> ViT:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ViT(image_size, **settings).eval()


@pytest.mark.parametrize(("size", "count"), [("tiny", 5_717_416), ("small", 22_050_664)])
def test_the_count_is_the_published_one_with_a_classifier(size, count):
    encoder = build(224, size=size, patch=16, positions="learned")
    own = sum(p.numel() for p in encoder.parameters())
    assert own + encoder.width * 1000 + 1000 == count


def test_names_are_timms():
    expected = {"cls_token", "pos_embed", "norm.weight", "norm.bias"}
    expected |= {"patch_embed.proj.weight", "patch_embed.proj.bias"}
    for block in range(12):
        for part in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"):
            expected |= {f"blocks.{block}.{part}.weight", f"blocks.{block}.{part}.bias"}
    assert set(build(positions="learned").state_dict()) == expected


@pytest.mark.parametrize(("size", "patch"), [(24, 4), (32, 4), (64, 4), (96, 8), (128, 8), (224, 16)])
def test_patches_go_by_the_image_size(size, patch):
    assert ViT(size, size="tiny").patch == patch


def test_attention_is_a_softmax_weighted_mean():
    layer = Attention(8, 2).double()
    x = torch.randn(2, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    query, key, value = (layer.qkv(x)[..., 8 * n : 8 * n + 8] for n in range(3))
    mixed = torch.zeros_like(x)
    for b in range(2):
        for head in (slice(0, 4), slice(4, 8)):
            for t in range(5):
                scores = torch.stack([query[b, t, head] @ key[b, s, head] for s in range(5)]) / math.sqrt(4)
                mixed[b, t, head] = sum(w * value[b, s, head] for s, w in enumerate(scores.exp() / scores.exp().sum()))
    torch.testing.assert_close(layer(x), layer.proj(mixed))


def test_sine_cosine_positions_by_number():
    table = sine_cosine(3, 8, 1)
    assert table.shape == (1, 10, 8)
    assert torch.equal(table[0, 0], torch.zeros(8))
    row, column = 2, 1
    expected = [
        function(place / 10_000 ** (k / 2))
        for place in (column, row) for function in (math.sin, math.cos) for k in range(2)
    ]
    torch.testing.assert_close(table[0, 1 + row * 3 + column], torch.tensor(expected))


@pytest.mark.parametrize("positions", ["sincos", "learned"])
@pytest.mark.parametrize("pool", ["token", "mean"])
def test_features_come_from_the_token_or_the_patches_and_positions_count(pool, positions):
    encoder = build(pool=pool, positions=positions)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        features, maps = encoder(images), encoder.stages(images)
        turned = encoder(images.flip(2, 3))
    assert [tuple(m.shape) for m in maps] == [(2, 192, 8, 8)] * 4
    assert torch.allclose(features, maps[-1].mean((2, 3)), atol=1e-5) == (pool == "mean")
    assert not torch.allclose(features, turned, atol=1e-4)


def test_fixed_positions_are_not_trained():
    assert "pos_embed" not in dict(build().named_parameters())
    assert "pos_embed" in dict(build(positions="learned").named_parameters())


@pytest.mark.parametrize("side", [24, 33, 40])
def test_other_sizes_are_taken(side):
    encoder = build(32)
    with torch.no_grad():
        maps = encoder.stages(torch.randn(1, 3, side, side))
    assert maps[-1].shape[3] == math.ceil(side / 4)


def test_interpolated_positions_are_near_those_of_the_grid():
    encoder = build(32)
    there = encoder._positions(16, 16)[0, 1:].view(16, 16, -1)
    middle = there[6:8, 8:10].mean((0, 1))
    torch.testing.assert_close(middle, encoder.pos_embed[0, 1:].view(8, 8, -1)[3, 4], atol=0.12, rtol=0)
