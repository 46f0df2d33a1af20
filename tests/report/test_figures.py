"""Figures in words: units, intervals, differences, and what an interval carries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kinfolk.records.findings import Finding
from kinfolk.report import figures

ONE = Finding("s", "score", "test", "run", {}, 0.552, 0.54, 0.564, "accuracy", True)


@pytest.mark.parametrize(
    ("number", "unit", "shown"),
    [
        (0.5524, "accuracy", "55.2%"),
        (24.31, "", "24.3"),
        (5.0, "", "5.00"),
        (10, "", "10"),
        (12345.6, "", "12,346"),
        (0.00012, "", "1.20e-04"),
        (0.0, "", "0.00"),
        (None, "accuracy", "–"),
        (float("nan"), "", "–"),
        (100.0, "", "100"),
    ],
)
def test_values(number: float | None, unit: str, shown: str) -> None:
    assert figures.value(number, unit) == shown


def test_intervals_and_differences() -> None:
    other = replace(ONE, value=0.38, low=0.37, high=0.39)
    assert figures.interval(ONE) == "54.0 to 56.4%"
    assert figures.interval(replace(ONE, low=None)) == ""
    assert figures.apart(ONE, other) == "17.2 points"
    assert figures.apart(ONE, replace(ONE, value=0.562)) == "1.0 point"
    assert figures.overlap(ONE, other) is False
    assert figures.overlap(ONE, replace(other, high=0.545)) is True
    assert figures.overlap(ONE, replace(other, low=None)) is None
    assert figures.better(ONE, other) is True
    assert figures.better(replace(ONE, higher_is_better=False), other) is False
    assert figures.better(replace(ONE, higher_is_better=None), other) is None
