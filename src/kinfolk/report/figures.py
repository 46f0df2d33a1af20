"""Figures in words: values with their unit, intervals, and the difference between two."""

from __future__ import annotations

import math

from kinfolk.records.findings import Finding

SHARES = frozenset({"accuracy", "share", "fraction", "precision", "recall", "purity", "false positive rate"})


def value(number: float | None, unit: str = "") -> str:
    """A number as people write it: shares as per cent, the rest with three significant digits."""
    if number is None or not math.isfinite(number):
        return "–"
    if unit in SHARES:
        return f"{number:.1%}"
    return plain(number)


def plain(number: object) -> str:
    """A number with three significant digits and thousands apart, whole numbers whole; other values as text."""
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        return str(number)
    if isinstance(number, int) or abs(number) >= 1000:
        return f"{number:,.0f}"
    if number and abs(number) < 1e-3:
        return f"{number:.2e}"
    return f"{number:#.3g}".rstrip(".")


def interval(finding: Finding) -> str:
    """``55.5 to 57.5%``, or an empty text where the finding has no interval."""
    if finding.low is None or finding.high is None:
        return ""
    if finding.unit in SHARES:
        return f"{100 * finding.low:.1f} to {finding.high:.1%}"
    return f"{plain(finding.low)} to {plain(finding.high)}"


def apart(one: Finding, two: Finding) -> str:
    """How far two scores lie apart, without sign: ``17.2 points`` or ``0.31``."""
    distance = abs(_known(one) - _known(two))
    if one.unit in SHARES:
        shown = f"{100 * distance:.1f}"
        return f"{shown} point{'' if shown == '1.0' else 's'}"
    return plain(distance)


def overlap(one: Finding, two: Finding) -> bool | None:
    """Whether two 95% intervals overlap; None where one of them is not known."""
    if one.low is None or one.high is None or two.low is None or two.high is None:
        return None
    return one.low <= two.high and two.low <= one.high


def better(one: Finding, two: Finding) -> bool | None:
    """Whether ``one`` is the better of two values of the same score; None where no direction is good."""
    if one.higher_is_better is None:
        return None
    return (_known(one) > _known(two)) == one.higher_is_better


def _known(finding: Finding) -> float:
    return float("nan") if finding.value is None else finding.value
