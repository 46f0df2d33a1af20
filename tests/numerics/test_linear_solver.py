"""The linear solver against scikit-learn's converged optimum, on badly conditioned features."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from kinfolk.numerics import draws, linear, probe


@pytest.fixture(scope="module")
def conditioned() -> tuple[np.ndarray, np.ndarray]:
    """Features with a power-law spectrum and four classes that overlap: float32 (1500, 24), labels 3, 5, 6, 9."""
    random = np.random.default_rng(0)
    mixing = random.normal(size=(24, 24)) * np.arange(1, 25) ** -1.5
    vectors = random.normal(size=(1500, 24)) @ mixing.T
    truth = (vectors[:, :4] / vectors[:, :4].std(0) + random.normal(size=(1500, 4)) * 1.5).argmax(1)
    return linear.Standard.of(vectors).apply(vectors), np.array([3, 5, 6, 9])[truth]


@pytest.mark.parametrize("penalty", [1e-1, 1e-3, 1e-5])
def test_finds_the_optimum_of_scikit_learn(conditioned, penalty: float) -> None:
    x, y = conditioned
    model = linear.fit(x, y, penalty)
    reference = LogisticRegression(C=1 / (penalty * len(x)), solver="newton-cg", tol=1e-10, max_iter=1000)
    reference.fit(x.astype(np.float64), y)
    assert model.gradient < 1e-5
    assert np.array_equal(model.classes, reference.classes_)
    assert np.allclose(model.weights.T, reference.coef_, atol=2e-3 * np.abs(reference.coef_).max())
    assert np.allclose(model.bias, reference.intercept_, atol=2e-3)
    assert (model.predict(x) == reference.predict(x)).mean() > 0.998


def test_the_gradient_it_reports_is_that_of_the_objective(conditioned) -> None:
    x, y = conditioned
    model = linear.fit(x, y, 1e-2, tolerance=1e-2)
    z = x.astype(np.float64) @ model.weights + model.bias
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    target = (y[:, None] == model.classes).astype(float)
    gradient = x.T @ (p - target) / len(x) + 1e-2 * model.weights
    norm = np.sqrt((gradient**2).sum() + ((p - target).mean(0) ** 2).sum())
    loss = -np.log((p * target).sum(1)).mean() + 5e-3 * (model.weights.astype(float) ** 2).sum()
    assert model.gradient == pytest.approx(norm, rel=1e-3)
    assert model.loss == pytest.approx(loss, rel=1e-5)


def test_a_warm_start_ends_in_the_same_place_in_fewer_products(conditioned) -> None:
    x, y = conditioned
    cold = linear.fit(x, y, 1e-3)
    warm = linear.fit(x, y, 1e-3, start=linear.fit(x, y, 2e-3))
    assert np.allclose(cold.weights, warm.weights, atol=1e-3)
    assert warm.products < cold.products


def test_separable_classes_and_more_features_than_rows() -> None:
    random = np.random.default_rng(1)
    y = np.arange(30) % 3
    x = linear.Standard.of(v := random.normal(size=(30, 200)) + y[:, None]).apply(v)
    model = linear.fit(x, y, 1e-4)
    assert model.gradient < 1e-5
    assert (model.predict(x) == y).all()


def test_standardising_is_scikit_learns_and_leaves_constants_out() -> None:
    random = np.random.default_rng(2)
    vectors = np.c_[random.normal(5, 3, (400, 3)), np.full(400, 7.0), 1e3 + random.normal(0, 1e-5, 400)]
    vectors = vectors.astype(np.float32)
    standard = linear.Standard.of(vectors)
    assert standard.kept.tolist() == [0, 1, 2]
    assert np.array_equal(standard.apply(vectors, np.array([7, 3])), standard.apply(vectors)[[7, 3]])
    assert np.allclose(standard.apply(vectors), StandardScaler().fit_transform(vectors[:, :3].astype(float)), atol=1e-5)


def test_the_penalty_is_chosen_on_the_held_out_tenth_and_refitted_on_all(conditioned) -> None:
    x, y = conditioned
    held = draws.tenth(np.arange(len(y)), y)
    penalties = (1.0, 1e-1, 1e-2, 1e-3, 1e-4)
    order = np.r_[np.flatnonzero(~held), np.flatnonzero(held)]
    model, tried = linear.fit_path(x[order], y[order], int((~held).sum()), penalties)
    for penalty, accuracy in tried.items():
        alone = linear.fit(x[~held], y[~held], penalty)
        assert accuracy == pytest.approx((alone.predict(x[held]) == y[held]).mean(), abs=0.014)
    assert model.penalty == max(p for p in tried if tried[p] == max(tried.values()))
    assert np.allclose(model.weights, linear.fit(x, y, model.penalty).weights, atol=2e-3)


def test_the_tenth_is_a_tenth_of_each_class_whatever_the_order() -> None:
    random = np.random.default_rng(3)
    labels = random.permutation(np.repeat([0, 1, 2, 3], [200, 53, 2, 1]))
    index = random.permutation(5000)[: len(labels)]
    mask = draws.tenth(index, labels)
    assert np.bincount(labels[mask], minlength=4).tolist() == [20, 5, 1, 0]
    order = random.permutation(len(labels))
    assert np.array_equal(draws.tenth(index[order], labels[order]), mask[order])


def test_one_class_alone_is_predicted() -> None:
    x = np.random.default_rng(4).normal(size=(20, 3)).astype(np.float32)
    probed = probe.by_linear(x, np.full(20, 4), np.arange(20), x, (1e-2,))
    assert (probed.predicted == 4).all()


def test_a_part_of_the_rows_as_preconditioner_saves_products_and_moves_nothing(monkeypatch) -> None:
    random = np.random.default_rng(5)
    mixing = random.normal(size=(24, 24)) * np.arange(1, 25) ** -1.5
    vectors = random.normal(size=(12_000, 24)) @ mixing.T
    y = (vectors[:, :4] / vectors[:, :4].std(0) + random.normal(size=(12_000, 4))).argmax(1)
    x = linear.Standard.of(vectors).apply(vectors)
    with_part = linear.fit(x, y, 1e-4, tolerance=1e-6)
    monkeypatch.setattr(linear, "STRIDE", 1)
    without = linear.fit(x, y, 1e-4, tolerance=1e-6)
    assert with_part.products < without.products / 2
    assert max(with_part.gradient, without.gradient) < 1e-6
    assert np.allclose(with_part.weights, without.weights, atol=1e-3)
