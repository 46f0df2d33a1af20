"""Columns and questions: which findings answer the same question, and which floor is the one to beat."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kinfolk.records.findings import Finding
from kinfolk.report.columns import columns, questions
from kinfolk.report.material import Material


def material(findings: list[Finding], name: str = "run", data: str = "cifar10") -> Material:
    recipe = {"data": {"name": data}}
    return Material(Path(name), name, recipe, {}, [], [], [], findings, {})


def score(subject: str, value: float, higher: bool = True, **protocol: object) -> Finding:
    low, high = value - 0.01, value + 0.01
    return Finding("s", "score", "test", subject, protocol, value, low, high, "accuracy", higher)


def test_settings_that_vary_within_a_subject_make_different_questions() -> None:
    found = [
        score("run", 0.5, k=1),
        score("run", 0.6, k=20),
        score("pixels", 0.3, k=1, seeds=3),
        score("pixels", 0.4, k=20, seeds=3),
    ]
    asked = questions(columns([material(found)]), "score")
    assert [q.title for q in asked] == ["S (k = 1)", "S (k = 20)"]
    assert [[f.value for f in q.answers.values()] for q in asked] == [[0.5, 0.3], [0.6, 0.4]]


def test_titles_that_differ_need_no_detail() -> None:
    found = [replace(score("run", 0.5, k=1), title="one"), replace(score("run", 0.6, k=2), title="two")]
    assert [q.title for q in questions(columns([material(found)]), "score")] == ["one", "two"]


def test_best_floor_goes_by_direction() -> None:
    found = [score("run", 0.5), score("pixels", 0.3), score("histogram", 0.4)]
    run = material(found)
    best = questions(columns([run]), "score")[0].best_floor(run)
    assert best is not None
    assert best[0].label == "histogram"
    lower = material([replace(f, higher_is_better=False) for f in found])
    best = questions(columns([lower]), "score")[0].best_floor(lower)
    assert best is not None
    assert best[0].label == "pixels"


def test_floors_are_shown_once_only_where_they_agree() -> None:
    one = material([score("a", 0.5), score("pixels", 0.3), score("random", 0.2)], "a")
    two = material([score("b", 0.6), score("pixels", 0.3), score("random", 0.25)], "b")
    labels = [c.label for c in columns([one, two])]
    assert labels == ["a", "b", "pixels", "random (with a)", "random (with b)"]


def test_floors_of_other_data_are_not_the_ones_to_beat() -> None:
    one = material([score("a", 0.5), score("pixels", 0.3)], "a", "cifar10")
    two = material([score("b", 0.6), score("pixels", 0.9)], "b", "digits")
    question = questions(columns([one, two]), "score")[0]
    best = question.best_floor(one)
    assert best is not None
    assert best[1].value == 0.3


def test_the_splits_own_name_is_shown() -> None:
    question = questions(columns([material([score("run", 0.5, test="validation")])]), "score")[0]
    assert question.place == "validation"
