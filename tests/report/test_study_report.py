"""A study's report: question, answer, table over seeds, literature and claims, each sentence from the comparison."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_study import SHIFTS, write_study_folder
from page import Page

from kinfolk.compare.frame import compared
from kinfolk.numerics.stats import student
from kinfolk.report import study
from kinfolk.report.write import write_study

SECTIONS = [
    "answer", "scores", "claims", "verdicts", "losses", "watched", "maps", "sheets", "clusters",
    "curves", "tables", "redo",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study_folder(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page(write_study(compared([folder]), folder, folder / "report.html"))


def test_sections_come_in_order(page: Page) -> None:
    assert [s["id"] for s in page.named("section")] == SECTIONS
    assert page.path.stat().st_size < 10_000_000


def test_the_answer_says_what_the_intervals_carry(page: Page) -> None:
    answer = page.words[page.words.index("Which is better?") :][:1500]
    low, high = student(np.array([0.55, 0.554, 0.561]))
    assert f"Linear probe: 55.5 % [{100 * low:.1f}, {100 * high:.1f}] for first" in answer
    assert "better than the best floor, pixels (38.0 %)" in answer
    assert re.search(r"Lower by more than noise: worse \(−30\.3 points \[−\d+\.\d, −\d+\.\d\]", answer)
    assert re.search(r"Equal to it within noise: same \(−0\.1 points", answer)
    assert "By one seed, of whose noise nothing is known: once (+20.0 points" in answer
    assert "Not in this report, since no run of it was measured: absent." in answer
    assert "Of 4 claims, 2 held, 1 not held, 1 undecided." in answer


def test_without_the_literature_the_main_figure_is_what_the_claims_are_about(folder: Path) -> None:
    outcome = compared([folder])
    bare = replace(outcome, frame=replace(outcome.frame, reported={}))
    assert study.foremost(bare).name == "knn"
    about = tuple(c for c in outcome.frame.claims if c.left[1] == "linear_probe")
    assert study.foremost(replace(bare, frame=replace(bare.frame, claims=about))).name == "linear_probe"


def test_many_faults_are_told_once_and_few_beside_their_variant(folder: Path) -> None:
    outcome = compared([folder])
    few = study.said(outcome, study.foremost(outcome), {"worse": "hubs, skewness 12", "once": "hubs, skewness 13"})
    assert "; hubs, skewness 12)" in few
    assert few.endswith("Hubs: once.")
    many = study.said(outcome, study.foremost(outcome), dict.fromkeys(SHIFTS, "hubs, skewness 12"))
    assert "skewness" not in many
    assert many.endswith(f"Hubs: {', '.join(SHIFTS)}.")


def test_the_literature_stands_beside_with_the_distance_and_its_reason(page: Page) -> None:
    assert "first, Linear probe: 55.5 % here, 14.5 points below the reported 70.0 %." in page.words
    assert "What the scale laptop puts in the place of what the authors used" in page.words
    assert "Small images for large." in page.words


def test_claims_are_judged_in_a_table(page: Page) -> None:
    assert [a["class"] for a in page.classed("judged")] == [
        "judged held", "judged broken", "judged open", "judged held",
    ]
    assert "Worse is worse. worse.linear_probe < first.linear_probe" in page.words
    assert "somebody, their figure" in page.words


def test_each_variant_is_drawn_once_from_its_first_seed(page: Page) -> None:
    labels = [shown["label"] for shown in page.payload["maps"]]
    assert len(labels) == len(set(labels))
    for name in SHIFTS:
        assert any(f"of {name}:" in label for label in labels)
    assert "kinfolk study made --out 'runs/a b'" in page.words
    assert "--only once --seeds 0" in page.words
