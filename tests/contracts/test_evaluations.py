"""The contract of evaluations and diagnostics: sane scores, sound findings, nothing of the subject changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import made_subjects
import numpy as np
import pytest
import torch
from scipy.stats import special_ortho_group

from kinfolk.core import registry
from kinfolk.records import findings as store
from kinfolk.records.features import Features
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject

EVALUATIONS = sorted(registry.leaves("evaluations"))
BOTH = [(kind, name) for kind in ("evaluations", "diagnostics") for name in sorted(registry.leaves(kind))]
CHANCE = 1 / len(made_subjects.CLASSES)
BEST = {"accuracy": 1.0, "precision": 1.0, "NMI": 1.0, "ARI": 1.0, "AUC": 1.0, "false positive rate": 0.0}
WORST = {"accuracy": CHANCE, "precision": CHANCE, "NMI": 0.0, "ARI": 0.0, "AUC": 0.5, "false positive rate": 0.95}


def measure(name: str, subject: Subject, kind: str = "evaluations") -> list[Finding]:
    return registry.build(kind, name).measure(subject)


def measure_known(name: str, subject: Subject) -> list[Finding]:
    """What has a best and a worst value: scores of such a unit, and the mean share of own neighbours of a matrix."""
    found = measure(name, subject)
    own = [
        replace(f, value=float(np.diag(f.data["values"]).mean()), unit="accuracy") for f in found if f.kind == "matrix"
    ]
    return [f for f in [*found, *own] if f.unit in BEST]


def figures(found: list[Finding]) -> dict[str, float]:
    """Every score and every entry of a matrix, by name and protocol."""
    scores = {json.dumps([f.name, f.protocol], sort_keys=True): f.value for f in found if f.kind == "score"}
    cells = {
        f"{f.name} {place}": value
        for f in found if f.kind == "matrix" for place, value in np.ndenumerate(f.data["values"])
    }
    return {**scores, **cells}


@pytest.fixture(scope="module")
def seen() -> tuple[Subject, made_subjects.Network]:
    return made_subjects.seeing()


@pytest.mark.parametrize("name", EVALUATIONS)
def test_perfect_features_score_the_best(name: str) -> None:
    found = measure_known(name, made_subjects.subject())
    assert found, "an evaluation without a score in a known unit"
    for finding in found:
        assert finding.value == pytest.approx(BEST[finding.unit], abs=0.002), finding.name


@pytest.mark.parametrize("name", EVALUATIONS)
def test_features_that_know_nothing_score_chance(name: str) -> None:
    subject = made_subjects.subject(made_subjects.meaningless, 800, 800, odd_shift=0)
    for finding in measure_known(name, subject):
        if finding.protocol.get("clusters") == "by silhouette" and finding.unit != "ARI":
            continue  # with many clusters of few images, the others are not at chance by chance
        room = 0.12 if finding.name == "clustering_accuracy" else 0.06
        assert finding.value == pytest.approx(WORST[finding.unit], abs=room), finding.name


@pytest.mark.parametrize("name", EVALUATIONS)
@pytest.mark.parametrize("what", ["rotation", "scaling"])
def test_scores_stay_where_it_is_declared(name: str, what: str) -> None:
    if what not in registry.leaf("evaluations", name).open().unchanged_by:
        pytest.skip(f"{name} does not declare it")

    def blurred(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return np.eye(8)[labels] + random.normal(scale=0.5, size=(len(labels), 8))

    subject = made_subjects.subject(blurred, odd_shift=1.0)
    matrix = special_ortho_group.rvs(8, random_state=1) if what == "rotation" else 64 * np.eye(8)
    before, after = (figures(measure(name, s)) for s in (subject, made_subjects.turned(subject, matrix)))
    assert before
    assert before.keys() == after.keys()
    for key, value in before.items():
        assert after[key] == pytest.approx(value, abs=0.004, rel=0.02), key


@pytest.mark.parametrize("name", EVALUATIONS)
def test_duplicated_test_images_do_not_help(name: str) -> None:
    def blurred(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return np.eye(8)[labels] + random.normal(scale=0.6, size=(len(labels), 8))

    def twice(f: Features) -> Features:
        doubled = f.take(np.r_[np.arange(len(f)), np.arange(len(f))])
        return replace(doubled, index=np.arange(2 * len(f)))

    subject = made_subjects.subject(blurred, 600, 300, odd_shift=0.5)
    doubled = {key: twice(f) if "test" in key[0] or key[0] == "anomalies" else f for key, f in subject.features.items()}
    images = subject.images["test"]
    images = replace(images.take(np.r_[np.arange(300), np.arange(300)]), index=np.arange(600))
    again = replace(subject, features=doubled, images={**subject.images, "test": images})
    before, after = (measure_known(name, s) for s in (subject, again))
    for once, again in zip(before, after, strict=True):
        of_test = once.protocol.get("transductive") or "train" not in once.protocol
        assert again.value == pytest.approx(once.value, abs=0.06 if of_test else 1e-6), once.name


@pytest.mark.parametrize(("kind", "name"), BOTH)
@pytest.mark.parametrize("labelled", [True, False])
def test_findings_are_sound_and_can_be_kept(kind: str, name: str, labelled: bool, seen, tmp_path) -> None:
    subject = replace(seen[0], features={**made_subjects.subject().features, **seen[0].features})
    if not labelled:
        bare = {k: replace(f, labels=np.full(len(f), -1), classes=()) for k, f in subject.features.items()}
        subject = replace(subject, features=bare)
    if not registry.leaf(kind, name).open().needs <= subject.offers:
        assert not labelled
        pytest.skip("needs labels")
    found = measure(name, subject, kind)
    assert len({f.identity for f in found}) == len(found)
    for f in found:
        assert f.subject == "seen"
        assert f.protocol["dataset"]
        assert f.protocol["size"] == made_subjects.SIZE
        assert f.title
        assert f.text.endswith(".")
        assert "nan" not in f.text.lower().split()
        if f.kind == "score":
            assert f.value is not None
            assert np.isfinite(f.value)
            assert f.unit
            if f.low is not None and f.high is not None:
                assert f.low <= f.value <= f.high
        if f.kind == "curve":
            assert all(len(line) == len(f.data["x"]) for line in f.data["series"].values())
        if f.kind == "table":
            assert all(len(row) == len(f.data["columns"]) for row in f.data["rows"])
    store.save(tmp_path, found)
    assert [f.plain() for f in store.load(tmp_path)] == json.loads(json.dumps([f.plain() for f in found]))


@pytest.mark.parametrize(("kind", "name"), BOTH)
def test_measuring_repeats_itself_and_changes_nothing(kind: str, name: str, seen) -> None:
    base, network = seen
    subject = replace(base, features={**made_subjects.subject().features, **base.features})
    torch_state, numpy_state = torch.get_rng_state(), str(np.random.get_state())
    before = _digest(subject, network)
    first, second = (measure(name, subject, kind) for _ in range(2))
    assert [f.plain() for f in first] == [f.plain() for f in second]
    for one, two in zip(first, second, strict=True):
        for key, values in one.arrays.items():
            assert np.array_equal(values, two.arrays[key])
    assert _digest(subject, network) == before
    assert not network.training
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert str(np.random.get_state()) == numpy_state


def _digest(subject: Subject, network: made_subjects.Network) -> str:
    """All vectors, pixels and the network's parameters and buffers."""
    parts = [f.vectors for f in subject.features.values()] + [i.pixels for i in subject.images.values()]
    parts += [value.numpy() for value in network.state_dict().values()]
    return hashlib.blake2b(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest()


@pytest.mark.parametrize(("kind", "name"), BOTH)
def test_a_handful_of_images_is_no_reason_to_fail(kind: str, name: str) -> None:
    subject, _ = made_subjects.seeing(train=10, test=6)
    small = made_subjects.subject(train=10, test=6)
    for finding in measure(name, replace(subject, features={**small.features, **subject.features}), kind):
        assert json.dumps(finding.plain(), allow_nan=False)


@pytest.mark.parametrize(("kind", "name"), BOTH)
def test_a_space_collapsed_to_a_point_is_no_reason_to_fail(kind: str, name: str) -> None:
    subject = made_subjects.subject(lambda labels, random: np.ones((len(labels), 8)), 120, 60)
    flat, _ = made_subjects.seeing(train=120, test=60)
    flat = replace(
        flat, features={**subject.features, ("train", "z"): subject.get("train"), ("test", "z"): subject.get("test")},
        encode=lambda pixels: np.ones((len(pixels), 8), dtype=np.float32),
    )
    for finding in measure(name, flat, kind):
        assert json.dumps(finding.plain(), allow_nan=False)
