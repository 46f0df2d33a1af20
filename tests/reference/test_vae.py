"""VAE against the evidence bound, number by number; its KL against torch's, its noise against the formula."""

from __future__ import annotations

from functools import partial

import method_toys as toys
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from kinfolk.methods.vae import active_units, vae_terms


def reference(
    z: Tensor, pixels: Tensor, mean: Tensor, log_variance: Tensor, *, kl_averaged: bool = False
) -> dict[str, Tensor]:
    views, images, width = z.shape
    latent = mean.shape[2]
    errors, divergences = [], []
    for v in range(views):
        for i in range(images):
            errors.append(sum((z[v, i, p] - pixels[v, i, p]) ** 2 for p in range(width)))
            each = [
                (mean[v, i, d] ** 2 + log_variance[v, i, d].exp() - log_variance[v, i, d] - 1) / 2
                for d in range(latent)
            ]
            divergences.append(sum(each) / (latent if kl_averaged else 1))
    return {"reconstruction": sum(errors) / len(errors), "kl": sum(divergences) / len(divergences)}


def inputs(draw, shape):
    latent = (*shape[:2], 3)
    return draw(shape), draw(shape, 1), draw(latent, 2), draw(latent, 3)


def test_equals_the_bound(agree, draw, shape):
    agree(vae_terms, reference, *inputs(draw, shape), by=4)


def test_kl_is_summed_over_dimensions(agree, draw):
    with pytest.raises(AssertionError, match="kl"):
        agree(vae_terms, partial(reference, kl_averaged=True), *inputs(draw, (2, 5, 4)), by=4)


def test_kl_is_that_of_two_normal_distributions(draw):
    mean, log_variance = draw((2, 5, 3)), draw((2, 5, 3), 1)
    found = vae_terms(mean, mean, mean, log_variance)["kl"]
    own = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(own, Normal(torch.zeros_like(mean), torch.ones_like(mean))).sum(2).mean()
    torch.testing.assert_close(found, expected)


def test_active_units_are_those_whose_mean_moves(draw):
    mean = draw((2, 50, 5))
    mean[:, :, 1] = 3.0
    mean[:, :, 3] *= 0.01
    assert active_units(mean) == 3


def test_what_is_painted_comes_from_the_mean_plus_the_deviation_times_noise():
    method, views = toys.build("vae").eval(), toys.views(2)
    with torch.no_grad():
        encoded = method.encode(views)
        noise = torch.randn(2, 8, 128, generator=toys.views(2).generator)
        for v in range(2):
            features = method.encoder(views.pixels[v])
            deviation = (0.5 * method.log_variance(features)).exp()
            painted = method.decoder(method.mean(features) + deviation * noise[v])
            torch.testing.assert_close(encoded.z[v], painted.flatten(1))
            torch.testing.assert_close(method.embedder()(views.pixels[v]), method.mean(features))
