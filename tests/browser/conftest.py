"""Fixtures of the browser tests: Debian's chromium, a page that records what goes wrong, and a made report."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opened import Opened

for room in ("report", "explore"):
    sys.path.append(str(Path(__file__).resolve().parents[1] / room))

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def absent(reason: str) -> None:
    """Skip with the reason; on CI, where a browser has to be there, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A headless chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("playwright is not installed")
    if not CHROMIUM.exists():
        absent(f"no browser at {CHROMIUM}")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two made runs."""
    from made import write_run

    folder = tmp_path_factory.mktemp("runs")
    return [write_run(folder / "first"), write_run(folder / "second", method="vicreg", seed=1, shift=0.05)]


@pytest.fixture(scope="session")
def report(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the made runs."""
    from kinfolk.report.write import write

    return write(runs, tmp_path_factory.mktemp("reports") / "report.html")


@pytest.fixture(scope="session")
def report_of_maps(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their report without curves, which opens in a moment."""
    from kinfolk.records import findings
    from kinfolk.report.write import write

    folder = tmp_path_factory.mktemp("maps")
    for run in runs:
        shutil.copytree(run, folder / run.name)
        kept = [f for f in findings.load(run) if f.kind != "curve"]
        for file in ("findings.jsonl", "log.jsonl"):
            (folder / run.name / file).unlink()
        findings.save(folder / run.name, kept)
    return write([folder / run.name for run in runs], folder / "report.html")


@pytest.fixture(scope="module")
def opened(browser, report: Path) -> Iterator[Opened]:
    """The whole report in a wide window; tests leave it as it is."""
    found = Opened(browser, report.as_uri())
    yield found
    found.context.close()


@pytest.fixture
def maps(browser, report_of_maps: Path) -> Iterator[Opened]:
    """The report without curves in a wide window, freshly opened."""
    found = Opened(browser, report_of_maps.as_uri())
    yield found
    assert found.complaints == []
    found.context.close()


@pytest.fixture(scope="module")
def opened_on_phone(browser, report: Path) -> Iterator[Opened]:
    """The whole report on a phone, in the dark."""
    found = Opened(
        browser,
        report.as_uri(),
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        color_scheme="dark",
    )
    yield found
    found.context.close()


@pytest.fixture(scope="session")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an explorer of small runs."""
    pytest.importorskip("fastapi", reason="the explorer's packages are not installed")
    pytest.importorskip("uvicorn", reason="the explorer's packages are not installed")
    from exploring import make_runs, serving

    with serving(make_runs(tmp_path_factory.mktemp("explored"))) as address:
        yield address


@pytest.fixture
def visitor(browser, explored: str) -> Iterator:
    """A wide window of the explorer; nothing may be complained of, and no other host asked."""
    from exploring import Visitor

    found = Visitor(browser, explored)
    yield found
    assert found.complaints == []
    assert found.strangers == []
    found.context.close()
