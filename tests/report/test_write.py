"""The whole page: complete in itself, safe with names it cannot trust, and sensible with pieces missing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made import CLASSES, EVIL, write_run
from page import Page, digest, unpack

from kinfolk.core.errors import RequestError, WorkError
from kinfolk.records import findings
from kinfolk.report import document
from kinfolk.report.write import write

SECTIONS = [
    "answer", "scores", "verdicts", "losses", "watched", "maps", "sheets", "clusters", "curves", "tables", "redo",
]


def test_sections_come_in_order(one_page: Page) -> None:
    assert [a["id"] for a in one_page.named("section")] == SECTIONS


def test_nothing_is_loaded_and_only_our_scripts_run(one_page: Page) -> None:
    policy = one_page.policy
    assert policy["default-src"] == ["'none'"]
    assert policy["img-src"] == ["data:"]
    run = [text for attributes, text in one_page.scripts if attributes.get("type") != "application/json"]
    assert sorted(policy["script-src"]) == sorted(digest(text) for text in run)
    for name, attributes in one_page.elements:
        for key, value in attributes.items():
            assert not key.startswith("on"), (name, key)
            if key in ("src", "href", "action", "data", "poster", "srcset"):
                assert (value or "").startswith("#"), (name, key, value)
            assert key != "style"


def test_file_is_small_enough_and_written_whole(one_page: Page) -> None:
    assert one_page.path.stat().st_size < 10_000_000
    assert [p.name for p in one_page.path.parent.iterdir()] == [one_page.path.name]


def test_page_without_curves_needs_neither_plotly_nor_inline_styles(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "log.jsonl").unlink()
    kept = [f for f in findings.load(folder) if f.kind != "curve"]
    (folder / "findings.jsonl").unlink()
    findings.save(folder, kept)
    page = Page(write([folder], tmp_path / "page.html"))
    assert page.path.stat().st_size < 1_500_000
    assert page.policy["style-src"] == [digest("".join(page.styles))]


def test_names_are_text_wherever_they_come_from(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "recipe.toml").write_text((folder / "recipe.toml").read_text("utf-8").replace("cifar10", EVIL))
    for card in (folder / "thumbnails").glob("*.json"):
        values = json.loads(card.read_text("utf-8"))
        values["classes"] = [f"</script>{EVIL}" for _ in CLASSES]
        card.write_text(json.dumps(values), "utf-8")
    evil = [
        replace(f, title=f"{f.title}{EVIL}", text=EVIL, unit=EVIL if f.name == "rank_me" else f.unit, arrays=f.arrays)
        for f in findings.load(folder)
    ]
    findings.save(folder, evil)
    page = Page(write([folder], tmp_path / "page.html"))
    assert len(page.scripts) == 3
    assert EVIL in page.words
    assert all("alert" not in text for attributes, text in page.scripts if not attributes.get("id"))
    assert page.payload["sets"][0]["classes"][0] == f"</script>{EVIL}"
    assert not [a for a in page.named("script") if a.get("src")]


def test_answer_is_computed_from_the_findings(one_page: Page) -> None:
    assert "55.0%" in one_page.words
    assert "17.0 points better than the best floor, pixels (38.0%): the intervals do not overlap." in one_page.words
    assert "convnet trained by simclr on cifar10 for 3 epochs" in one_page.words.lower()
    assert "nothing is known of the noise of training" in one_page.words


def test_equal_within_noise_has_its_own_sentence(tmp_path: Path) -> None:
    page = Page(write([write_run(tmp_path / "run", shift=-0.165)], tmp_path / "page.html"))
    assert "Equal to the best floor, pixels (38.0%) within noise: the intervals overlap." in page.words


def test_several_runs_stand_side_by_side_and_floors_once(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "first"), write_run(tmp_path / "second", method="vicreg", seed=1, shift=0.05)]
    page = Page(write(runs, tmp_path / "page.html"))
    assert page.words.count("floor ") >= 3
    header = page.words[page.words.index("Scores with 95% intervals, beside the floors") :][:120]
    assert header.split()[7:15] == ["score", "first", "second", "pixels", "floor", "histogram", "floor", "random"]
    order = "highest for second (60.0%); worse by more than the noise of the test set: first (5.0 points)."
    assert f"Linear probe: {order}" in page.words
    assert len(page.payload["maps"]) == 10
    marked = page.classed("differs")
    assert len(marked) == 4  # method.name and seed, in both columns


def test_runs_that_are_equal_within_noise_are_not_ranked(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "first"), write_run(tmp_path / "second", method="vicreg", shift=0.015)]
    page = Page(write(runs, tmp_path / "page.html"))
    assert "Linear probe: highest for second (56.5%); equal to it within noise: first." in page.words


def test_maps_show_the_same_images_and_at_most_three_thousand(tmp_path: Path) -> None:
    page = Page(write([write_run(tmp_path / "run", points=3300)], tmp_path / "page.html"))
    arrays = [unpack(text) for text in page.payload["arrays"]]
    ids = {shown["ids"] for shown in page.payload["maps"]}
    assert len(ids) == 1
    assert len(arrays[ids.pop()]) == 3000
    assert "the same 3000 of 3300 images" in page.words


def test_unlabelled_run_gives_a_page(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    for card in (folder / "thumbnails").glob("*.json"):
        values = json.loads(card.read_text("utf-8"))
        card.write_text(json.dumps({**values, "labels": [-1] * len(values["index"]), "classes": []}), "utf-8")
    unlabelled = []
    for finding in findings.load(folder):
        if finding.kind == "score" and finding.unit == "accuracy":
            continue
        arrays = {k: np.full_like(v, -1) if k == "labels" else v for k, v in finding.arrays.items()}
        unlabelled.append(replace(finding, arrays=arrays))
    (folder / "findings.jsonl").unlink()
    findings.save(folder, unlabelled)
    page = Page(write([folder], tmp_path / "page.html"))
    assert "class" not in page.payload["maps"][0]["colours"]
    assert "✓" not in page.words
    assert "24.3 RankMe of h on train, of 192 dimensions No floor was measured beside it." in page.words


@pytest.mark.parametrize(
    "missing",
    ["findings.jsonl", "thumbnails", "log.jsonl", "speed.jsonl", "environment.json", "recipe.toml", "findings"],
)
def test_missing_piece_gives_a_page_without_it(missing: str, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    place = folder / missing
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    page = Page(write([folder], tmp_path / "page.html"))
    sections = [a["id"] for a in page.named("section")]
    gone = {
        "findings.jsonl": {"scores", "maps", "sheets", "curves", "tables", "verdicts"},
        "log.jsonl": {"losses", "watched"},
        "findings": {"maps"},
    }
    assert not gone.get(missing, set()) & set(sections)
    assert {"answer", "redo"} <= set(sections)
    if missing == "findings.jsonl":
        assert "kinfolk evaluate measures it" in page.words
    if missing == "thumbnails":
        assert page.payload["sheet"] is None


def test_renamed_run_is_still_the_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "before").rename(tmp_path / "after")
    page = Page(write([folder], tmp_path / "page.html"))
    assert "17.0 points better than the best floor" in page.words


def test_commands_name_the_folder_below_where_the_report_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_run(tmp_path / "runs" / "mine")
    monkeypatch.chdir(tmp_path)
    assert "kinfolk train runs/mine/recipe.toml --out runs/mine-again" in Page(write([folder], Path("a.html"))).words
    monkeypatch.chdir(tmp_path / "runs" / "mine")
    assert "kinfolk train mine/recipe.toml --out mine-again" in Page(write([folder], tmp_path / "b.html")).words


def test_too_large_a_report_is_refused(one_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "LIMIT", 1_000_000)
    with pytest.raises(WorkError, match="show fewer runs"):
        write([one_run], tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_pictures_get_coarser_before_they_are_left_out(
    one_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Page(write([one_run], tmp_path / "whole.html"))
    room = len(whole.payload["sheet"]["uri"])
    monkeypatch.setattr(document, "LIMIT", whole.path.stat().st_size - room // 3)
    coarse = Page(write([one_run], tmp_path / "coarse.html"))
    assert 0 < len(coarse.payload["sheet"]["uri"]) < room
    monkeypatch.setattr(document, "LIMIT", whole.path.stat().st_size - room + 11_000)
    bare = Page(write([one_run], tmp_path / "bare.html"))
    assert bare.payload["sheet"] is None


def test_wrong_folders_are_refused_with_one_message(one_run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="no run folder"):
        write([tmp_path / "absent"], tmp_path / "page.html")
    with pytest.raises(RequestError, match="is no run folder: it holds none of"):
        write([tmp_path / "empty"], tmp_path / "page.html")
    with pytest.raises(RequestError, match="given twice"):
        write([one_run, one_run], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
