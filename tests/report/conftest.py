"""Fixtures of the report's tests: made runs, and a reader of the page they give."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import write_run
from page import Page

from kinfolk.report.write import write


@pytest.fixture(scope="session")
def one_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made run folder; tests only read it."""
    return write_run(tmp_path_factory.mktemp("runs") / "first")


@pytest.fixture(scope="session")
def one_page(one_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The report of the made run."""
    return Page(write([one_run], tmp_path_factory.mktemp("reports") / "one.html"))
