"""Spectra, ranks, dimensions and moments against formulas derived again and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA

from kinfolk.numerics import dimension, embedding, linalg


@pytest.fixture(scope="module")
def cloud() -> np.ndarray:
    """(700, 12) with a mean and unequal directions."""
    random = np.random.default_rng(0)
    return (random.normal(size=(700, 12)) @ random.normal(size=(12, 12)) + 3).astype(np.float32)


def test_the_spectrum_and_the_components_are_those_of_pca(cloud: np.ndarray) -> None:
    reference = PCA(5).fit(cloud.astype(np.float64))
    assert np.allclose(linalg.spectrum(cloud)[:5], reference.explained_variance_ * 699 / 700, rtol=1e-5)
    found, expected = linalg.project(cloud, 5), reference.transform(cloud.astype(np.float64))
    signs = np.sign((found * expected).sum(0))
    assert np.allclose(found, expected * signs, atol=1e-4)
    axes = linalg.principal(cloud, 3)[1]
    assert (np.take_along_axis(axes, np.abs(axes).argmax(0)[None], 0) > 0).all()
    assert linalg.project(cloud[:, :1], 2).shape == (700, 2)


def test_rank_me_is_its_formula(cloud: np.ndarray) -> None:
    singular = np.linalg.svd(cloud.astype(np.float64), compute_uv=False)
    p = singular / singular.sum() + 1e-7
    assert linalg.rank_me(cloud) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-4)


def test_ranks_of_known_spaces() -> None:
    orthogonal = np.linalg.qr(np.random.default_rng(1).normal(size=(256, 32)))[0]
    assert linalg.rank_me(orthogonal) == pytest.approx(32, rel=1e-4)
    assert linalg.effective_rank(np.r_[np.ones(9), np.zeros(5)]) == pytest.approx(9, rel=1e-4)
    line = np.outer(np.linspace(-1, 1, 256), np.ones(32))
    assert linalg.rank_me(line) == pytest.approx(1, abs=1e-3)
    assert linalg.rank_me(np.zeros((20, 4))) == 1
    collapsed = np.random.default_rng(2).normal(size=(2000, 256)) * 1e-6 + 1
    assert linalg.rank_me(collapsed.astype(np.float32)) < 1.1


def test_covariances_without_a_group_are_those_of_the_rest(cloud: np.ndarray) -> None:
    group = np.arange(700) % 3
    for g, (mean, cov) in enumerate(linalg.covariances_without(cloud, group)):
        rest = cloud[group != g].astype(np.float64)
        assert mean == pytest.approx(rest.mean(0))
        assert cov == pytest.approx(np.cov(rest.T, bias=True), abs=1e-6)


def test_alpha_req_finds_the_exponent() -> None:
    assert linalg.alpha_req(np.arange(1, 200.0) ** -1.3) == pytest.approx(1.3)
    assert np.isnan(linalg.alpha_req(np.r_[1.0, np.zeros(9)]))


def test_moments_of_similarities_are_those_of_all_pairs(cloud: np.ndarray) -> None:
    some = cloud[:80].copy()
    some[3] = 0
    unit = some / np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-12)
    pairs = (unit @ unit.T)[~np.eye(80, dtype=bool)]
    assert linalg.similarity_moments(some) == pytest.approx((pairs.mean(), pairs.std()), rel=1e-4)
    others = (unit @ unit.T)[~np.eye(80, dtype=bool)].reshape(80, 79)
    each, square = linalg.similarities_of_each(some)
    assert each == pytest.approx(others.mean(1), abs=1e-6)
    assert square == pytest.approx((others**2).mean(1), abs=1e-6)
    assert np.allclose(linalg.cosines(some[1:], some[:-1]), np.diag(unit @ unit.T, 1), atol=1e-6)


def test_shrinkage_is_scikit_learns(cloud: np.ndarray) -> None:
    reference = LedoitWolf().fit(cloud[:60].astype(np.float64))
    mean, covariance = linalg.ledoit_wolf(cloud[:60].astype(np.float64))
    assert np.allclose(mean, reference.location_)
    assert np.allclose(covariance, reference.covariance_)
    assert np.isfinite(linalg.ledoit_wolf(np.ones((5, 3)))[1]).all()


def test_lidar_counts_the_directions_that_tell_images_apart() -> None:
    random = np.random.default_rng(3)
    centres = np.zeros((300, 1, 10))
    centres[:, 0, :4] = random.normal(size=(300, 4))
    found = linalg.lidar(centres + random.normal(scale=0.05, size=(300, 6, 10)))
    assert 3.8 < found < 4.6
    within = (g := centres + random.normal(scale=0.5, size=(300, 6, 10))) - g.mean(1, keepdims=True)
    between = np.cov(g.mean(1).T, bias=True)
    spread = np.einsum("nvi,nvj->ij", within, within) / 1800 + 1e-4 * np.eye(10)
    values = np.linalg.eigvals(np.linalg.solve(spread, between)).real
    p = values / values.sum() + 1e-7
    assert linalg.lidar(g) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-6)


@pytest.mark.parametrize("true", [1, 2, 5])
def test_two_nn_finds_the_dimension_of_a_curved_sheet(true: int) -> None:
    random = np.random.default_rng(4)
    sheet = random.random((1500, true)) @ random.normal(size=(true, 6))
    curved = np.c_[np.sin(sheet), np.cos(sheet)] @ random.normal(size=(12, 30))
    assert dimension.two_nn(curved.astype(np.float32)) == pytest.approx(true, rel=0.15)


def test_two_nn_says_nothing_of_copies() -> None:
    assert dimension.two_nn(np.ones((50, 3), dtype=np.float32)) == 0
    assert dimension.two_nn(np.ones((2, 3), dtype=np.float32)) == 0


def test_eigenmaps_solve_their_problem_and_part_two_rings() -> None:
    random = np.random.default_rng(5)
    angle = random.random(300) * 2 * np.pi
    side = np.arange(300) % 2
    points = np.c_[np.cos(angle), np.sin(angle)] + np.c_[2.2 * side, np.zeros(300)] + random.normal(0, 0.03, (300, 2))
    for count in (120, 300):
        found = embedding.eigenmaps(points[:count].astype(np.float32), 3)
        gap = np.linalg.norm(points[:count, None] - points[None, :count], axis=2)
        near = np.argsort(gap, axis=1)[:, 1:16]
        graph = np.zeros((count, count))
        graph[np.repeat(np.arange(count), 15), near.ravel()] = 1
        graph = np.maximum(graph, graph.T)
        degree = graph.sum(1)
        for column in found.astype(np.float64).T:
            image = (degree * column - graph @ column) / degree
            value = (degree * column) @ image / ((degree * column) @ column)
            assert np.allclose(image, value * column, atol=2e-3 * np.abs(column).max())
        assert np.allclose(found.std(0), 1, atol=1e-4)
    again = embedding.eigenmaps(points.astype(np.float32), 3)
    assert np.array_equal(found, again)


@pytest.mark.parametrize("method", ["pca", "tsne", "laplacian"])
def test_maps_keep_clusters_apart_and_are_the_same_each_time(method: str) -> None:
    random = np.random.default_rng(6)
    labels = np.arange(150) % 3
    points = (np.eye(10)[labels] * 6 + random.normal(size=(150, 10))).astype(np.float32)
    xy = embedding.project(method, points)
    assert xy.shape == (150, 2)
    assert embedding.accuracy(xy, labels, 10) > 0.95
    assert embedding.trust(points, xy, 10) > 0.7
    assert np.array_equal(xy, embedding.project(method, points))


def test_an_unknown_map_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown map 'globe'"):
        embedding.project("globe", np.eye(9))
