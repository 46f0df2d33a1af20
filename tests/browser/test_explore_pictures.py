"""Pictures of the explorer's pages: taken of small runs, or, for the docs, of the runs in KINFOLK_PICTURES.

`KINFOLK_PICTURES="runs/first runs/second" pytest tests/browser/test_explore_pictures.py` writes docs/explore/*.png.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from exploring import Visitor, serving
from PIL import Image

DOCS = Path(__file__).resolve().parents[2] / "docs" / "explore"
LARGEST = 150_000  # bytes
PATIENCE = 600_000 if os.environ.get("KINFOLK_PICTURES") else 60_000  # milliseconds
IMAGE = "test:3"
PAGES = {
    "map": ("#map?run={one}&split=test&image=" + IMAGE, ".panel .tile"),
    "neighbours": ("#neighbours?run={one}&second={two}&split=test&k=12&image=" + IMAGE, ".lists .tile"),
    "odd": ("#odd?run={one}&split=test", ".groups .tile"),
    "runs": ("#runs", ".card"),
    "compare": ("#compare?run={one}&second={two}&split=test", "section .sheet .tile"),
}


@pytest.fixture(scope="module")
def shown(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, str]]:
    """The address of an explorer, and two runs of it."""
    asked = os.environ.get("KINFOLK_PICTURES", "").split()
    if not asked:
        yield request.getfixturevalue("explored"), "first", "second"
        return
    with serving([Path(run) for run in asked]) as address:
        yield address, Path(asked[0]).name, Path(asked[-1]).name


def packed(shot: bytes) -> bytes:
    """The picture with as many colours as keep it small."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    for colours in (256, 128, 64, 32):
        made = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
        if made.tell() < LARGEST:
            break
    return made.getvalue()


@pytest.mark.timeout(PATIENCE // 1000 * 2)
@pytest.mark.parametrize("name", PAGES)
def test_picture_of_a_page(name: str, browser, shown, tmp_path: Path) -> None:
    server, one, two = shown
    where, ready = PAGES[name]
    visitor = Visitor(browser, server, where.format(one=one, two=two), viewport={"width": 1200, "height": 760})
    page = visitor.page
    page.wait_for_selector(ready, timeout=PATIENCE)
    if name == "odd":
        page.locator(".face").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(".panel .detail")
    visitor.wait("[...document.images].every(i => i.complete || i.getBoundingClientRect().top > innerHeight)")
    page.wait_for_timeout(400)
    picture = packed(page.screenshot())
    visitor.context.close()
    assert visitor.complaints == []
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    assert len(picture) < LARGEST
    place = DOCS if os.environ.get("KINFOLK_PICTURES") else tmp_path
    (place / f"{name}.png").write_bytes(picture)
