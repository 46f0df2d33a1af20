"""A study's report in a real browser: all of it is drawn, on a wide screen, on a phone and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Opened
from made_study import SHIFTS, write_study_folder
from opened import PIXELS
from test_report_page import picture

from kinfolk.compare.frame import compared
from kinfolk.report.write import write_study


@pytest.fixture(scope="module")
def page_of_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study_folder(tmp_path_factory.mktemp("study"), points=300)
    return write_study(compared([folder]), folder, folder / "report.html")


@pytest.fixture(scope="module")
def wide(browser, page_of_study: Path) -> Iterator[Opened]:
    found = Opened(browser, page_of_study.as_uri())
    yield found
    assert found.complaints == []
    assert [url for url in found.requests if not url.startswith("data:")] == [page_of_study.as_uri()]
    found.context.close()


def test_every_map_of_every_variant_is_drawn(wide: Opened) -> None:
    found = wide.page.locator(".map .points").evaluate_all(f"list => list.map({PIXELS})")
    assert len(found) == 2 * (len(SHIFTS) + 3)
    assert all(painted > 500 and colours >= 10 for painted, colours in found)


def test_the_main_figure_has_a_mark_for_every_variant_and_the_literature(wide: Opened) -> None:
    assert wide.page.locator("#answer .forest circle.run").count() == len(SHIFTS)
    assert wide.page.locator("#answer .forest circle.floor").count() == 3
    assert wide.page.locator("#answer .forest path.reported").count() == 1
    outside = wide.page.locator("#answer .forest").evaluate(
        "f => [...f.querySelectorAll('text')].filter(t => { const [a, b] = [t.getBoundingClientRect(), "
        "f.getBoundingClientRect()]; return a.left < b.left - 1 || a.right > b.right + 1; }).map(t => t.textContent)"
    )
    assert outside == []
    shown = picture(wide.page, "#answer .forest")
    assert (np.abs(shown.astype(int) - shown[2, 2]).max(2) > 60).mean() > 0.01


def test_every_curve_is_drawn_with_a_line_for_every_variant(wide: Opened) -> None:
    lines = wide.page.locator("#losses .plot").evaluate_all(
        "list => list.map(p => p.querySelectorAll('.scatterlayer path.js-line').length)"
    )
    assert lines == [len(SHIFTS)] * 6


def test_a_phone_shows_it_without_scrolling_sideways(browser, page_of_study: Path) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "is_mobile": True}
    found = Opened(browser, page_of_study.as_uri(), **phone)
    assert found.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert found.page.locator(".judged").count() == 4
    assert found.complaints == []
    found.context.close()
