"""Each evaluation's figures against scikit-learn, torch or the formula written out again."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import made_subjects
import numpy as np
import pytest
import torch
from scipy.linalg import pinvh
from scipy.stats import skew
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    adjusted_rand_score,
    average_precision_score,
    normalized_mutual_info_score,
    roc_auc_score,
    roc_curve,
    silhouette_score,
)
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid, NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize

from kinfolk.core import registry, seeds
from kinfolk.evaluations.clustering import resampled
from kinfolk.numerics.embedding import eigenmaps
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


def blurred(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.eye(8)[labels] + random.normal(scale=0.6, size=(len(labels), 8)) + 2


@pytest.fixture(scope="module")
def subject() -> Subject:
    return made_subjects.subject(blurred, 600, 300, odd_shift=1.0)


def measure(name: str, subject: Subject, **settings) -> list[Finding]:
    return registry.build("evaluations", name, **settings).measure(subject)


def by_name(found: list[Finding]) -> dict[str, Finding]:
    return {f.name: f for f in found}


def test_knn_is_scikit_learns_weighted_vote(subject: Subject) -> None:
    train, test = subject.get("train"), subject.get("test")
    for finding in measure("knn", subject):
        reference = KNeighborsClassifier(
            finding.protocol["k"], metric="cosine", weights=lambda distance: np.exp((1 - distance) / 0.1)
        ).fit(train.vectors, train.labels)
        assert finding.value == pytest.approx(reference.score(test.vectors, test.labels))
    assert [f.protocol["k"] for f in measure("knn", subject)] == [20, 1, 200]


def test_knn_lowers_k_to_the_bank_and_says_so(subject: Subject) -> None:
    small = replace(subject, features={**subject.features, ("train", "h"): subject.get("train").take(np.arange(12))})
    assert [f.protocol["k"] for f in measure("knn", small)] == [12, 1]


def test_images_without_labels_are_left_out_and_counted(subject: Subject) -> None:
    train = subject.get("train")
    partly = replace(train, labels=np.where(np.arange(len(train)) % 2, train.labels, -1))
    half = replace(subject, features={**subject.features, ("train", "h"): partly})
    odd = replace(subject, features={**subject.features, ("train", "h"): train.take(np.arange(1, 600, 2))})
    for name in ("knn", "linear_probe", "linear_sgd10", "few_shot", "confusions"):
        for one, two in zip(measure(name, half), measure(name, odd), strict=True):
            assert one.value == two.value
            assert one.protocol["train_size"] == 300


def test_linear_probe_is_the_converged_optimum_at_the_chosen_penalty(subject: Subject) -> None:
    finding = measure("linear_probe", subject)[0]
    train, test = subject.get("train"), subject.get("test")
    scaler = StandardScaler().fit(train.vectors)
    reference = LogisticRegression(C=1 / (finding.data["penalty"] * 600), tol=1e-10, max_iter=2000)
    reference.fit(scaler.transform(train.vectors), train.labels)
    assert finding.value == pytest.approx(reference.score(scaler.transform(test.vectors), test.labels), abs=0.004)
    assert finding.data["gradient_norm"] < 1e-5
    held = finding.data["held_out"]
    assert held[f"{finding.data['penalty']:g}"] == max(held.values())


def test_sgd_takes_the_steps_of_torchs_optimiser(subject: Subject) -> None:
    train, test = subject.get("train"), subject.get("test")
    scaler = StandardScaler().fit(train.vectors.astype(np.float64))
    x = torch.from_numpy(scaler.transform(train.vectors).astype(np.float32))
    y = torch.from_numpy(train.labels)
    layer = torch.nn.Linear(8, 5)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 4 * 10)
    for epoch in range(4):
        for rows in torch.randperm(600, generator=seeds.generator(3, "evaluation", epoch)).split(64):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(layer(x[rows]), y[rows]).backward()
            optimiser.step()
            schedule.step()
    queries = torch.from_numpy(scaler.transform(test.vectors).astype(np.float32))
    expected = float((layer(queries).argmax(1).numpy() == test.labels).mean())
    found = measure("linear_sgd10", subject, epochs=4, lr=0.05, batch=64, seed=3)[0]
    assert found.value == pytest.approx(expected, abs=1e-9)


def test_few_shot_is_the_nearest_centroid_over_distinct_draws(subject: Subject) -> None:
    train, test = subject.get("train"), subject.get("test")
    mean = train.vectors.mean(0)
    bank, queries = normalize(train.vectors - mean), normalize(test.vectors - mean)
    found = {f.protocol["shots"]: f for f in measure("few_shot", subject, shots=(1, 5, 120))}
    everything = NearestCentroid().fit(bank, train.labels).score(queries, test.labels)
    assert found[120].value == pytest.approx(everything)
    assert found[120].data["deviation"] == pytest.approx(0, abs=1e-12)
    assert found[1].value < found[5].value < everything
    assert found[1].data["deviation"] > found[5].data["deviation"] > 0


def test_ood_measures_within_the_unseen_classes_alone(subject: Subject) -> None:
    unseen = Subject("made", {
        (role, "h"): subject.get(f"ood_{role}") for role in ("train", "test")
    }, protocol=subject.protocol)
    found = by_name(measure("ood", subject))
    assert found["ood_knn"].value == measure("knn", unseen)[0].value
    assert found["ood_linear_probe"].value == measure("linear_probe", unseen)[0].value
    assert found["ood_knn"].protocol["dataset"] == "unseen"
    assert found["ood_knn"].protocol["chance"] == 0.2


def test_anomaly_scores_are_those_of_scikit_learn(subject: Subject) -> None:
    train, test, odd = (subject.get(role).vectors.astype(np.float64) for role in ("train", "test", "anomalies"))
    both = np.concatenate([test, odd])
    truth = np.r_[np.zeros(300), np.ones(300)]
    reference = LedoitWolf().fit(train)
    gap = both - reference.location_
    expected = {
        "mahalanobis": np.einsum("nd,de,ne->n", gap, pinvh(reference.covariance_), gap),
        "euclidean": NearestNeighbors(n_neighbors=2).fit(train).kneighbors(both)[0].mean(1),
        "cosine": NearestNeighbors(n_neighbors=20, metric="cosine").fit(train).kneighbors(both)[0].mean(1),
    }
    found = measure("anomaly", subject)
    areas = {f.protocol["score"]: f.value for f in found if f.name == "anomaly_auc"}
    assert areas == pytest.approx({name: roc_auc_score(truth, score) for name, score in expected.items()}, abs=1e-4)
    alarms = {f.protocol["score"]: f.value for f in found if f.name == "anomaly_fpr95"}
    curves = {name: roc_curve(truth, score, drop_intermediate=False) for name, score in expected.items()}
    first = {name: false[np.argmax(true >= 0.95)] for name, (false, true, _) in curves.items()}
    assert alarms == pytest.approx(first, abs=0.004)


def test_top_anomalies_that_are_all_alike_are_found_out(subject: Subject) -> None:
    odd = subject.get("anomalies")
    vectors = odd.vectors.copy()
    vectors[:120] = np.array([60.0, 0, 0, 0, 0, 0, 0, 0]) + np.random.default_rng(0).normal(0, 0.1, (120, 8))
    alike = replace(odd, vectors=vectors, labels=np.where(np.arange(300) < 120, 1, odd.labels))
    found = measure("anomaly", replace(subject, features={**subject.features, ("anomalies", "h"): alike}))
    table, likeness = by_name(found), {f.protocol["score"]: f for f in found if f.name == "anomaly_excess_likeness"}
    rows = {row[0]: row[2:] for row in table["anomaly_top"].data["rows"]}
    for name in ("distance to 2 neighbours", "Mahalanobis distance"):
        variation, similarity, at_random, entropy, share = rows[name]
        assert similarity > 0.99 > at_random
        assert entropy == pytest.approx(0, abs=0.05)
        assert entropy >= 0
        assert variation < 0.05
        assert share == 1
    _, similarity, at_random, *_ = rows["distance to 2 neighbours"]
    assert likeness["euclidean"].value == pytest.approx(similarity - at_random)
    gallery = table["anomaly_images"].arrays
    assert table["anomaly_images"].protocol["score"] == "euclidean"
    assert set(gallery["images"]) <= set(range(120))
    assert (np.diff(gallery["score"]) <= 0).all()


def test_clusters_are_matched_by_the_best_permutation(subject: Subject) -> None:
    found = {f.name: f for f in measure("clustering", subject) if f.protocol.get("clusters") == 5}
    test = subject.get("test")
    cluster = found["cluster_map"].arrays["cluster"]
    best = max(np.mean(np.array(p)[cluster] == test.labels) for p in permutations(range(5)))
    assert found["clustering_accuracy"].value == pytest.approx(best)
    assert found["clustering_nmi"].value == pytest.approx(normalized_mutual_info_score(test.labels, cluster))
    assert found["clustering_ari"].value == pytest.approx(adjusted_rand_score(test.labels, cluster))
    assert found["silhouette"].value == pytest.approx(silhouette_score(normalize(test.vectors), cluster), abs=1e-5)


def test_the_interval_of_an_agreement_holds_it_with_few_images() -> None:
    noise = made_subjects.subject(made_subjects.meaningless, 200, 100)
    for finding in measure("clustering", noise):
        if finding.name in ("clustering_nmi", "clustering_ari"):
            assert finding.low is not None
            assert finding.low <= finding.value <= finding.high
            assert finding.low < finding.high


def test_the_number_of_clusters_is_found_without_labels() -> None:
    def halves(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Two groups, though there are five classes."""
        return made_subjects.perfect(labels % 2, random)

    made = measure("clustering", made_subjects.subject(halves))
    found = {(f.name, f.protocol.get("clusters")): f for f in made}
    assert found["clusters", None].value == 2
    assert found["silhouette", "by silhouette"].value > 0.9 > found["silhouette", 5].value
    free = found["cluster_map", "by silhouette"].arrays
    assert set(free["cluster"]) == {0, 1}
    ari = adjusted_rand_score(free["labels"], free["cluster"])
    assert found["clustering_ari", "by silhouette"].value == pytest.approx(ari)
    assert by_name(measure("clustering", made_subjects.subject()))["clusters"].value == 5


def test_the_pair_that_was_mixed_is_the_most_entangled() -> None:
    def mixed(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return made_subjects.perfect(np.where(labels == 3, 2, labels), random)

    found = by_name(measure("confusions", made_subjects.subject(mixed)))
    first, second, entangled, low, high = found["confusions"].data["rows"][0]
    assert {first, second} == {"cat", "dog"}
    assert low <= entangled <= high
    matrix = np.array(found["neighbour_classes"].data["values"])
    assert np.allclose(matrix.sum(1), 1, atol=1e-4)
    assert entangled == pytest.approx((matrix[2, 3] + matrix[3, 2]) / 2, abs=1e-4)
    assert np.allclose(matrix[[0, 1, 4], [0, 1, 4]], 1)


def test_retrieval_points_at_positions_in_the_split(subject: Subject) -> None:
    shift = {role: replace(subject.get(role), index=subject.get(role).index * 3 + 7) for role in ("train", "test")}
    moved = replace(subject, features={**subject.features, **{(role, "h"): f for role, f in shift.items()}})
    found = by_name(measure("retrieval", moved))
    arrays = found["retrieval"].arrays
    train, test = moved.get("train"), moved.get("test")
    by_dot = found["retrieval_dot"].arrays
    rows = [int(np.flatnonzero(test.index == query)[0]) for query in by_dot["queries"]]
    products = test.vectors[rows] @ train.vectors.T
    assert np.allclose(by_dot["similarity"], -np.sort(-products, axis=1)[:, :10], atol=1e-4)
    bank, place = normalize(train.vectors.astype(np.float64)), {int(v): i for i, v in enumerate(train.index)}
    for query, near, similarity, far in zip(
        arrays["queries"], arrays["nearest"], arrays["similarity"], arrays["farthest"], strict=True
    ):
        vector = test.vectors[np.flatnonzero(test.index == query)[0]].astype(np.float64)
        cosine = bank @ vector / np.linalg.norm(vector)
        order = np.argsort(-cosine)
        assert [place[int(v)] for v in near] == order[:10].tolist()
        assert [place[int(v)] for v in far] == order[::-1][:10].tolist()
        assert np.allclose(similarity, cosine[order[:10]], atol=1e-5)
    labels = test.labels[np.isin(test.index, arrays["queries"])]
    assert np.bincount(labels).tolist() == [2] * 5


def test_an_image_that_is_in_the_bank_is_not_its_own_neighbour(subject: Subject) -> None:
    train = subject.get("train")
    same = replace(subject, features={("train", "h"): train, ("test", "h"): train.take(np.arange(5, 95))})
    found = measure("retrieval", same)
    arrays = found[0].arrays
    assert (arrays["nearest"] != arrays["queries"][:, None]).all()
    assert arrays["similarity"].max() < 0.999999
    unit = normalize(train.vectors.astype(np.float64))
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -9)
    first = train.labels[cosine.argmax(1)] == train.labels
    top = next(f for f in found if f.name == "precision_at_k" and f.protocol["k"] == 1)
    assert top.value == pytest.approx(first[5:95].mean())


def test_figures_from_rankings_are_right_on_vectors_with_ties() -> None:
    codes = np.sign(np.random.default_rng(6).normal(size=(5, 16)))

    def signs(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """A code for each class with a third of its signs turned: every cosine is exact, and one of 17 values."""
        return codes[labels] * np.where(random.random((len(labels), 16)) < 0.3, -1, 1)

    subject = made_subjects.subject(signs, 600, 300)
    train, test = subject.get("train"), subject.get("test")
    cosine = test.vectors.astype(np.float64) @ train.vectors.T / 16
    each = [average_precision_score(train.labels == y, row) for y, row in zip(test.labels, cosine, strict=True)]
    found = {(f.name, f.protocol.get("k")): f.value for f in measure("retrieval", subject)}
    assert found["mean_average_precision", None] == pytest.approx(np.mean(each), abs=1e-6)
    order = np.argsort(-cosine, axis=1, kind="stable")
    for k in (1, 10, 100):
        right = (train.labels[order[:, :k]] == test.labels[:, None]).mean()
        assert found["precision_at_k", k] == pytest.approx(right, abs=1e-9)
    for k, score in ((f.protocol["k"], f.value) for f in measure("knn", subject)):
        votes = np.zeros((300, 5))
        near = order[:, :k]
        weight = np.exp(np.take_along_axis(cosine, near, 1) / 0.1)
        np.add.at(votes, (np.repeat(np.arange(300), k), train.labels[near].ravel()), weight.ravel())
        assert score == pytest.approx((votes.argmax(1) == test.labels).mean(), abs=0.004)


def test_the_hubness_of_both_ends_is_the_skewness_of_counts(subject: Subject) -> None:
    train, test = (normalize(subject.get(role).vectors) for role in ("train", "test"))
    order = np.argsort(-(test @ train.T), axis=1)
    found = by_name(measure("retrieval", subject))
    for name, lists in (("hubness_nearest", order[:, :10]), ("hubness_farthest", order[:, -10:])):
        counts = np.bincount(lists.ravel(), minlength=len(train))
        assert found[name].value == pytest.approx(skew(counts), abs=0.03)  # near ties may end a list otherwise
        assert found[name].low < found[name].value < found[name].high


def test_entanglement_is_the_share_of_each_others_neighbours(subject: Subject) -> None:
    train, test = subject.get("train"), subject.get("test")
    found = NearestNeighbors(n_neighbors=20, metric="cosine").fit(train.vectors).kneighbors(test.vectors)[1]
    matrix = np.array([
        [(train.labels[found[test.labels == own]] == other).mean() for other in range(5)] for own in range(5)
    ])
    made = by_name(measure("confusions", subject))
    assert np.array(made["neighbour_classes"].data["values"]) == pytest.approx(matrix, abs=1e-5)
    pairs = sorted(((matrix[a, b] + matrix[b, a]) / 2 for a in range(5) for b in range(a)), reverse=True)
    assert [row[2] for row in made["confusions"].data["rows"]] == pytest.approx(pairs)


def test_eigenmaps_are_scored_by_their_own_neighbours(subject: Subject) -> None:
    train, test = subject.get("train"), subject.get("test")
    found = by_name(measure("eigenmaps", subject, dimensions=16))
    both = eigenmaps(np.concatenate([train.vectors, test.vectors]), 16)
    reference = KNeighborsClassifier(20, metric="cosine", weights=lambda distance: np.exp((1 - distance) / 0.1))
    reference.fit(both[:600], train.labels)
    assert found["eigenmaps_knn"].value == pytest.approx(reference.score(both[600:], test.labels), abs=0.004)
    assert found["eigenmaps_knn"].protocol["transductive"]


def test_intervals_of_agreement_cover_the_truth() -> None:
    random = np.random.default_rng(5)
    joint = 0.5 * np.eye(4) / 4 + 0.5 / 16
    information = float((joint * np.log(joint * 16)).sum() / np.log(4))
    covered = []
    for _ in range(40):
        label, cluster = np.divmod(random.choice(16, 300, p=joint.ravel()), 4)
        low, high = resampled(normalized_mutual_info_score, label, cluster, 40)
        covered.append(low <= information <= high)
    assert np.mean(covered) > 0.8
