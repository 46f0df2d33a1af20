"""Scores of kept epochs become curves; the supervised run stands beside a run as its ceiling."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from kinfolk import compare
from kinfolk.core.errors import RequestError
from kinfolk.evaluate import ceiling, evaluate
from kinfolk.records.findings import Finding
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.report.columns import columns, questions
from kinfolk.report.material import read
from kinfolk.report.write import write
from kinfolk.train import train


def recipe(data: Path, method: str, epochs: int = 3) -> Recipe:
    return Recipe.of({
        "data": {"name": str(data), "limit": 96}, "method": {"name": method},
        "encoder": {"name": "convnet", "channels": [8, 16]}, "train": {"epochs": epochs, "batch": 32, "threads": 1},
    })


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that kept two of its three epochs, and the supervised one."""
    folder = tmp_path_factory.mktemp("runs")
    random = np.random.default_rng(0)
    labels = np.arange(160) % 4
    images = (labels[:, None, None, None] * 30 + random.integers(0, 130, (160, 16, 16, 3))).astype(np.uint8)
    data = tmp_path_factory.mktemp("data") / "bright.npz"
    np.savez(data, images=images[:120], labels=labels[:120], test_images=images[120:], test_labels=labels[120:])
    train(recipe(data, "simclr"), folder / "own", keep=(1, 3))
    train(recipe(data, "supervised", 1), folder / "taught")
    return folder


@pytest.fixture(scope="module")
def found(runs: Path) -> list[Finding]:
    return evaluate(Run(runs / "own"), only=("knn", "spectrum"), epochs="all")


def headline(found: list[Finding], subject: str) -> list[Finding]:
    return [f for f in found if f.name == "knn" and f.protocol["k"] == 20 and f.subject == subject]


def test_every_kept_epoch_is_scored_once_and_the_floors_once(runs: Path, found: list[Finding]) -> None:
    assert [f.protocol.get("epoch") for f in headline(found, "own")] == [None, 1]
    for floor in ("pixels", "histogram", "random"):
        assert len(headline(found, floor)) == 1
    assert len({f.identity for f in found}) == len(found)
    stored = Run(runs / "own").findings
    assert {f.identity for f in stored} == {f.identity for f in found}
    alone = evaluate(Run(runs / "own"), only=("knn",), floors=False)
    assert headline(alone, "own")[0].value == headline(found, "own")[0].value


def test_a_floor_is_measured_once_for_whoever_asks(runs: Path, found: list[Finding]) -> None:
    said: list[str] = []
    again = evaluate(Run(runs / "own"), only=("knn", "few_shot"), say=said.append)
    assert {"pixels: few_shot", "random: few_shot", "own: knn"} <= set(said)
    assert not {"pixels: knn", "histogram: knn", "random: knn"} & set(said)
    for floor in ("pixels", "histogram", "random"):
        assert headline(again, floor)[0].value == headline(found, floor)[0].value


def test_the_score_of_an_epoch_is_that_of_its_weights(runs: Path, found: list[Finding], tmp_path: Path) -> None:
    copy = tmp_path / "own"
    shutil.copytree(runs / "own", copy)
    shutil.copy(copy / "epochs" / "0001.safetensors", copy / "weights.safetensors")
    then = evaluate(Run(copy), only=("knn",), floors=False)
    assert headline(then, "own")[0].value == headline(found, "own")[1].value


def test_each_score_is_a_curve_with_its_floors(found: list[Finding]) -> None:
    curve = next(f for f in found if f.name == "knn_by_epoch" and f.protocol["k"] == 20)
    last, first = headline(found, "own")
    assert curve.data["x"] == [1, 3]
    assert curve.data["series"]["own"] == [first.value, last.value]
    assert curve.data["series"]["95 % low"] == [first.low, last.low]
    assert curve.data["lines"]["pixels"] == headline(found, "pixels")[0].value
    assert "epoch" not in curve.protocol
    layers = {f.protocol["layer"]: f for f in found if f.name == "rank_me_by_epoch"}
    assert set(layers) == {"h", "z"}
    assert layers["h"].data["series"]["own"] != layers["z"].data["series"]["own"]


def test_tables_show_the_last_epoch_and_the_report_the_curves(runs: Path, found: list[Finding], tmp_path: Path) -> None:
    subjects, rows = compare.table(found)
    assert subjects == ["own", "pixels", "histogram", "random", "ceiling: taught"]
    top = next(row for row in rows if (row.name, row.detail) == ("knn", "k 20"))
    assert top.cells[0] == headline(found, "own")[0]
    material = read(runs / "own")
    asked = questions(columns([material]), "score")
    assert all("epoch" not in q.title.lower() for q in asked)
    page = write([runs / "own"], tmp_path / "r.html").read_text("utf-8")
    assert "k-NN accuracy, k = 20 by epoch" in page


def test_the_ceiling_is_a_column_that_no_run_has_to_beat(runs: Path, found: list[Finding]) -> None:
    above = headline(found, "ceiling: taught")[0]
    itself = evaluate(Run(runs / "taught"), only=("knn",), floors=False)
    assert above.value == headline(itself, "taught")[0].value
    material = read(runs / "own")
    assert material.subject == "own"
    shown = columns([material])
    column = next(c for c in shown if c.label == "ceiling: taught")
    assert (column.floor, column.ceiling, column.own) == (False, True, False)
    for question in questions(shown, "score"):
        assert column not in question.runs
        best = question.best_floor(material)
        assert best is None or best[0] is not column
    assert not [f for f in itself if f.subject.startswith("ceiling")]


def test_the_ceiling_is_found_only_on_the_same_data_with_the_same_encoder(runs: Path, tmp_path: Path) -> None:
    own = Run(runs / "own")
    found = ceiling.beside(own)
    assert found is not None
    assert found.name == "taught"
    assert ceiling.beside(found) is None
    shutil.copytree(runs / "own", tmp_path / "own")
    assert ceiling.beside(Run(tmp_path / "own")) is None
    shutil.copytree(runs / "taught", tmp_path / "other")
    text = (tmp_path / "other" / "recipe.toml").read_text("utf-8")
    (tmp_path / "other" / "recipe.toml").write_text(text.replace("limit = 96", "limit = 90"), "utf-8")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "recipe.toml").write_text("= =", "utf-8")
    assert ceiling.beside(Run(tmp_path / "own")) is None
    named = evaluate(Run(tmp_path / "own"), only=("knn",), floors=False, ceiling=str(runs / "taught"))
    assert {f.subject for f in named} == {"own", "ceiling: taught"}


@pytest.mark.parametrize(("asked", "said"), [
    ({"epochs": "2"}, "unknown kept epoch '2'"), ({"epochs": "x"}, "--epochs = 'x' is not accepted"),
    ({"ceiling": "own"}, "a ceiling is a supervised run"), ({"out": "x"}, "leave out --out"),
])
def test_what_cannot_be_asked_of_a_run_is_refused(asked: dict[str, str], said: str, runs: Path) -> None:
    if "ceiling" in asked:
        asked = {"ceiling": str(runs / "own")}
    before = (runs / "own" / "findings.jsonl").read_bytes() if (runs / "own" / "findings.jsonl").exists() else b""
    with pytest.raises(RequestError, match=said):
        evaluate(Run(runs / "own"), only=("knn",), **asked)
    if before:
        assert (runs / "own" / "findings.jsonl").read_bytes() == before
    with pytest.raises(RequestError, match="kept no epochs"):
        evaluate(Run(runs / "taught"), only=("knn",), epochs="all")
