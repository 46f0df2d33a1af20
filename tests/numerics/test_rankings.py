"""Average precision, occurrence and overlaps against scikit-learn and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from kinfolk.numerics import probe, ranking


@pytest.mark.parametrize("excluding", [False, True])
def test_average_precision_is_scikit_learns_with_ties(excluding: bool) -> None:
    random = np.random.default_rng(0)
    bank, labels = random.integers(0, 3, (200, 3)).astype(np.float32), random.integers(0, 4, 200)
    queries, asked = bank[:30], np.r_[labels[:29], 9]
    exclude = np.arange(30) if excluding else None
    found = ranking.average_precision(queries, asked, bank, labels, exclude=exclude)
    unit = bank / np.maximum(np.linalg.norm(bank, axis=1, keepdims=True), 1e-12)
    for row in range(29):
        keep = np.arange(200) != row if excluding else np.ones(200, dtype=bool)
        score = (unit[row : row + 1] @ unit.T)[0][keep].round(6)
        assert found[row] == pytest.approx(average_precision_score(labels[keep] == asked[row], score), abs=1e-2)
    assert np.isnan(found[29])


def test_occurrence_skewness_and_overlap() -> None:
    lists = np.array([[0, 1], [0, 2], [0, 1]])
    counts = ranking.occurrence(lists, 5)
    assert counts.tolist() == [3, 2, 1, 0, 0]
    centred = counts - counts.mean()
    assert ranking.skewness(counts) == pytest.approx((centred**3).mean() / (centred**2).mean() ** 1.5)
    assert ranking.skewness(np.ones(4)) == 0
    assert ranking.shared(lists, np.array([[1, 5], [0, 2], [7, 8]])).tolist() == [0.5, 1.0, 0.0]


def test_neighbours_at_random_are_among_the_closest_by_chance_and_copies_always() -> None:
    random = np.random.default_rng(1)
    bank = random.normal(size=(1000, 4)).astype(np.float32)
    anything = random.integers(0, 1000, (300, 20))
    assert ranking.among_closest(anything, bank[:300], bank, 0.05).mean() == pytest.approx(0.05, abs=0.01)
    own = np.arange(300)[:, None]
    assert (ranking.among_closest(own, bank[:300], bank, 0.01) == 1).all()


def test_votes_are_weighted_sums_and_ties_go_to_the_lowest_label() -> None:
    similarity = np.array([[0.9, 0.5, 0.5], [0.3, 0.3, 0.1], [1.0, 0.95, 0.95]])
    labels = np.array([[7, 2, 2], [5, 3, 5], [7, 2, 2]])
    assert probe.vote(similarity[:1], labels[:1], 0.1).tolist() == [7]
    assert probe.vote(similarity[:1], labels[:1], 10.0).tolist() == [2]
    assert probe.vote(similarity, labels, 0.1).tolist() == [7, 5, 2]
    assert probe.vote(np.array([[0.4, 0.4]]), np.array([[8, 1]]), 0.1).tolist() == [1]
    far = probe.vote(np.array([[1.0, -1.0]]), np.array([[8, 1]]), 1e-4)
    assert far.tolist() == [8]


def test_neighbours_vote_as_written_out() -> None:
    random = np.random.default_rng(2)
    train, test = random.normal(size=(60, 5)).astype(np.float32), random.normal(size=(25, 5)).astype(np.float32)
    labels = random.integers(0, 4, 60)
    found = probe.by_neighbours(train, labels, test, (7, 500, 1), 0.1)
    assert sorted(found) == [1, 7, 60]
    for k, predicted in found.items():
        for row, vector in enumerate(test.astype(np.float64)):
            cosine = train @ vector / np.linalg.norm(train, axis=1) / np.linalg.norm(vector)
            near = np.argsort(-cosine)[:k]
            votes = [np.exp(cosine[near] / 0.1)[labels[near] == c].sum() for c in range(4)]
            assert predicted[row] == np.argmax(votes)
