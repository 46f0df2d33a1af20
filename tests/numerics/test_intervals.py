"""Intervals cover the truth as often as they say, in simulation, and agree with SciPy where it has them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp
from sklearn.metrics import roc_auc_score, roc_curve

from kinfolk.numerics import linalg, roc, stats


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9])
def test_wilson_covers_at_its_stated_rate(share: float) -> None:
    random = np.random.default_rng(0)
    intervals = [stats.wilson(int(s), 200) for s in random.binomial(200, share, 4000)]
    covered = np.mean([low <= share <= high for low, high in intervals])
    assert 0.93 <= covered <= 0.975


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 17), (512, 1000)])
def test_wilson_is_scipys(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    assert stats.wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert stats.wilson(0, 0) == (0.0, 1.0)


def test_student_is_scipys_and_covers() -> None:
    random = np.random.default_rng(1)
    values = random.normal(2, 1, 5)
    expected = ttest_1samp(values, 0).confidence_interval()
    assert stats.student(values) == pytest.approx((expected.low, expected.high))
    covered = np.mean([low <= 2 <= high for low, high in map(stats.student, random.normal(2, 1, (2000, 3)))])
    assert 0.935 <= covered <= 0.965
    assert stats.student(values[:1]) == (-np.inf, np.inf)


def test_the_bootstrap_of_a_mean_covers() -> None:
    random = np.random.default_rng(2)
    covered = [
        low <= 1 <= high
        for low, high in (stats.bootstrap_mean(random.exponential(1, 150), 200) for _ in range(300))
    ]
    assert 0.90 <= np.mean(covered) <= 0.97


def test_auc_and_curve_are_scikit_learns_with_ties() -> None:
    random = np.random.default_rng(3)
    positive, negative = random.integers(2, 9, 200).astype(float), random.integers(0, 7, 300).astype(float)
    truth = np.r_[np.ones(200), np.zeros(300)]
    both = np.r_[positive, negative]
    assert roc.auc(positive, negative) == pytest.approx(roc_auc_score(truth, both))
    false, true, _ = roc_curve(truth, both)
    assert roc.false_positives(positive, negative) == pytest.approx(false[np.argmax(true >= 0.95)])
    assert roc.auc(positive, positive) == 0.5
    thin = roc.curve(random.normal(1, 1, 5000), random.normal(0, 1, 5000), points=50)
    assert len(thin[0]) <= 52
    assert (thin[0][0], thin[1][-1]) == (0, 1)
    assert np.trapezoid(thin[1], thin[0]) == pytest.approx(0.76, abs=0.02)


def test_the_interval_of_auc_covers() -> None:
    random = np.random.default_rng(4)
    truth = 0.7602  # of two normal curves one deviation apart: Phi(1 / sqrt 2)
    covered = []
    for _ in range(150):
        low, high = roc.interval(roc.auc, random.normal(1, 1, 80), random.normal(0, 1, 80), 150)
        covered.append(low <= truth <= high)
    assert 0.90 <= np.mean(covered) <= 0.985


@pytest.mark.parametrize(("draw", "count"), [("normal", 80), ("exponential", 1000)])
def test_the_interval_of_a_mean_over_pairs_covers(draw: str, count: int) -> None:
    random = np.random.default_rng(6)
    covered = []
    for _ in range(400):
        values = getattr(random, draw)(size=count)
        each = ((values[:, None] - values) ** 2).sum(1) / (count - 1)
        assert each.mean() == pytest.approx(2 * values.var(ddof=1))
        low, high = stats.over_pairs(each)
        covered.append(low <= 2 <= high)
    assert 0.90 <= np.mean(covered) <= 0.97


def test_the_jackknife_covers_and_is_none_where_a_figure_is_not_there() -> None:
    random = np.random.default_rng(7)
    group = stats.groups(np.arange(200))
    assert np.bincount(group).tolist() == [20] * 10
    covered = []
    for _ in range(400):
        values = random.normal(0, 2, 200)
        low, high = stats.jackknife(values.std(), lambda g, v=values: v[group != g].std())
        covered.append(low <= 2 <= high)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert stats.jackknife(1.0, lambda g: float("nan") if g == 3 else 1.0) == (None, None)


def test_the_interval_of_rank_me_covers_the_rank_of_far_more_images() -> None:
    random = np.random.default_rng(8)
    scale = np.arange(1, 17) ** -0.7
    true = linalg.rank_me(random.normal(size=(400_000, 16)) * scale)
    covered = []
    for _ in range(150):
        vectors = random.normal(size=(1500, 16)) * scale
        parts = linalg.covariances_without(vectors, stats.groups(np.arange(1500)))

        def without(g: int, parts=parts) -> float:
            return linalg.effective_rank(np.linalg.eigvalsh(parts[g][1] + np.outer(parts[g][0], parts[g][0])))

        low, high = stats.jackknife(linalg.rank_me(vectors), without)
        covered.append(low <= true <= high)
    assert np.mean(covered) > 0.85
