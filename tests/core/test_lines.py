"""What is said while something works."""

from __future__ import annotations

import pytest

from kinfolk.core.lines import duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (89.4, "89 s"), (90, "1.5 min"), (594, "9.9 min"), (600, "10 min"), (5400, "1.5 h")],
)
def test_durations_are_told_in_the_unit_that_fits(seconds: float, said: str) -> None:
    assert duration(seconds) == said
