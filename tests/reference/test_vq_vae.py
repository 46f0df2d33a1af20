"""VQ-VAE against its equations, place by place: terms, choice of codes, moving averages, straight-through gradient."""

from __future__ import annotations

from functools import partial

import method_toys as toys
import pytest
import torch
from torch import Tensor

from kinfolk.methods.vq_vae import nearest_code, perplexity, vq_vae_terms


def reference(
    z: Tensor, pixels: Tensor, features: Tensor, codes: Tensor, *, codes_learn: bool = False
) -> dict[str, Tensor]:
    codes = codes if codes_learn else codes.detach()
    errors = [(a - b) ** 2 for a, b in zip(z.flatten(), pixels.flatten(), strict=True)]
    distances = [(a - b) ** 2 for a, b in zip(features.flatten(), codes.flatten(), strict=True)]
    return {"reconstruction": sum(errors) / len(errors), "commitment": sum(distances) / len(distances)}


def inputs(draw, shape):
    return draw(shape), draw(shape, 1), draw((*shape[:2], 3, 2, 2), 2), draw((*shape[:2], 3, 2, 2), 3)


def test_equals_the_paper(agree, draw, shape):
    agree(vq_vae_terms, reference, *inputs(draw, shape), by=4)


def test_commitment_does_not_move_the_codes(agree, draw):
    with pytest.raises(AssertionError, match="commitment"):
        agree(vq_vae_terms, partial(reference, codes_learn=True), *inputs(draw, (2, 4, 4)), by=4)


def test_the_nearest_code_is_chosen(draw):
    features, codebook = draw((4, 3, 2, 2)), draw((7, 3), 1)
    chosen = nearest_code(features, codebook)
    for n in range(4):
        for i in range(2):
            for j in range(2):
                distances = [float((features[n, :, i, j] - code).square().sum()) for code in codebook]
                assert chosen[n, i, j] == distances.index(min(distances))


def test_perplexity_counts_codes_in_even_use():
    assert perplexity(torch.tensor([[3, 3], [3, 3]]), 8) == pytest.approx(1)
    assert perplexity(torch.tensor([0, 1, 2, 3]), 8) == pytest.approx(4)
    assert perplexity(torch.tensor([0, 0, 0, 1]), 2) == pytest.approx(2 ** 0.8112781, rel=1e-5)


def test_codes_are_moving_averages_and_idle_ones_move_to_a_feature():
    method = toys.build("vq_vae", codes=4, width=2, decay=0.9, restart=0.1).double()
    method.codebook.copy_(torch.tensor([[0.0, 0.0], [5.0, 5.0], [-5.0, 5.0], [90.0, 90.0]]))
    method.uses_of.fill_(2.0)
    method.sums.copy_(2 * method.codebook)
    method.uses_of[3] = 0.01
    features = torch.tensor([[0.5, 0.0], [0.1, 0.3], [5.0, 4.0]], dtype=torch.float64)
    method.seen = features, torch.tensor([0, 1, 2, 1])
    method.after_step(0.5)
    use = 0.9 * torch.tensor([2.0, 2.0, 2.0]) + 0.1 * torch.tensor([2.0, 1.0, 0.0])
    expected = [
        [0.1 * 0.6 / float(use[0]), 0.1 * 0.3 / float(use[0])],
        [(0.9 * 10 + 0.1 * 5) / float(use[1]), (0.9 * 10 + 0.1 * 4) / float(use[1])],
        [-5.0, 5.0],
        [0.1, 0.3],
    ]
    torch.testing.assert_close(method.codebook, torch.tensor(expected, dtype=torch.float64))


def test_the_first_step_takes_every_unused_code_from_the_images():
    method = toys.build("vq_vae")
    method(toys.views(2))
    features, picked = method.seen
    method.after_step(0.1)
    distance = (method.codebook[:, None] - features).abs().amax(2).amin(1)
    assert (distance < 1e-5).float().mean() > 0.9
    assert len(picked) == len(method.codebook)


def test_the_decoder_sees_codes_and_the_encoder_gets_its_gradient():
    method = toys.build("vq_vae").eval()
    given = []
    method.decoder.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    encoded = method.encode(toys.views(2))
    given[0].retain_grad()
    encoded.more["features"].retain_grad()
    encoded.z.square().sum().backward()
    torch.testing.assert_close(given[0], encoded.more["codes"].flatten(0, 1))
    assert given[0].grad.abs().sum() > 0
    weight = method.narrow.weight.grad
    assert weight is not None
    assert weight.abs().sum() > 0
