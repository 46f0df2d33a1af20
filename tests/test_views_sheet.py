"""The sheet of views: what is drawn is what training is fed, to the pixel, and both kinds of file can be read."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kinfolk.core import sheet
from kinfolk.core.errors import RequestError
from kinfolk.records.recipe import Recipe
from kinfolk.train.prepare import prepare
from kinfolk.views import shown, views

ASKED = Recipe.of({"data": {"name": "digits", "limit": 40}, "views": {"count": 3}, "encoder": {"channels": [8]}})


@pytest.mark.parametrize(("asked", "held"), [("auto", 16), (8, 8), (256, 40)])
def test_the_sheet_shows_the_first_step_of_training(asked: int | str, held: int, tmp_path: Path) -> None:
    wanted = Recipe.of({**ASKED.plain(), "train": {"batch": asked}})
    assert views(wanted, tmp_path / "v.html", count=2) == 2
    page = (tmp_path / "v.html").read_text("utf-8")
    pictures = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(code)))) for code in re.findall(r"base64,([^\"]+)", page)
    ]
    assert len(pictures) == 2 * (1 + 3)
    material = prepare(Recipe.of({**ASKED.plain(), "train": {"batch": held}}))
    fed = material.pairs.views(material.pairs.batches.rows(0, 0, 0), (0, 0, 0), slice(0, held))
    for k in range(2):
        np.testing.assert_array_equal(pictures[4 * k], fed.originals[k].permute(1, 2, 0).numpy())
        for v in range(3):
            np.testing.assert_array_equal(pictures[4 * k + 1 + v], shown(fed.pixels[v][k]))
    flipped = [int(fed.parameters[v]["flip"]["flag"][k]) for k in range(2) for v in range(3)]
    assert re.findall(r"flip: flag (\w+)<?", page) == [str(f) for f in flipped]


def test_a_png_holds_every_picture(tmp_path: Path) -> None:
    red = np.full((10, 10, 3), (255, 0, 0), np.uint8)
    rows = [sheet.Row("one", [sheet.Tile(red, "a caption that is longer than a picture is wide")] * 3)]
    sheet.write(tmp_path / "s.png", "title", rows)
    drawn = np.asarray(Image.open(tmp_path / "s.png")).astype(int)
    assert ((drawn == (255, 0, 0)).all(2)).sum() == 3 * sheet.SHOWN**2


def test_captions_are_escaped_and_other_suffixes_refused(tmp_path: Path) -> None:
    tile = sheet.Tile(np.zeros((2, 2, 3), np.uint8), '<b>"x"</b>')
    sheet.write(tmp_path / "s.html", "<title>", [sheet.Row("<row>", [tile])])
    text = (tmp_path / "s.html").read_text("utf-8")
    assert "<b>" not in text
    assert "<row>" not in text
    with pytest.raises(RequestError, match=r"\.html or \.png, not 's\.gif'"):
        sheet.write(tmp_path / "s.gif", "t", [])
    assert [p.name for p in tmp_path.iterdir()] == ["s.html"]
