"""The score table on a terminal: names with many rows are counted, a verdict comes with its advice."""

from __future__ import annotations

import pytest

from kinfolk.compare.scores import MANY, show
from kinfolk.records.findings import Finding


def scores(name: str, count: int) -> list[Finding]:
    return [Finding(name, "score", "test", "run", {"k": k}, value=k / 10, unit="accuracy") for k in range(count)]


def test_names_with_many_rows_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    show([*scores("many", MANY + 1), *scores("few", MANY)])
    said = capsys.readouterr().out
    assert f"many: {MANY + 1} scores, in the report" in said
    assert "many (k" not in said
    assert said.count("few (k") == MANY


def test_many_rows_are_shown_where_nothing_else_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    show([*scores("many", MANY + 1), *scores("more", MANY + 2)])
    said = capsys.readouterr().out
    assert said.count("many (k") == MANY + 1
    assert said.count("more (k") == MANY + 2
    assert "in the report" not in said


def test_a_verdict_says_what_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    show([Finding("verdict", "verdict", "test", "run", {}, text="Hubs.", data={"advice": "Centre."})])
    assert capsys.readouterr().out.splitlines() == ["verdict: Hubs.", "Centre."]
