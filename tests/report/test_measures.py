"""What auxiliaries read: a table of every parameter by split, with chance beside flags, and R2 over epochs."""

from __future__ import annotations

import json
from pathlib import Path

from made import write_run
from page import Page

from kinfolk.report.write import write

NAME = "augmentation_prediction.online"


def test_parameters_stand_in_a_table_and_in_curves(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    for row in rows:
        if "validation" in row:
            seen = {f"{NAME}.R2.crop.centre[0]": 0.125 * row["epoch"], f"{NAME}.accuracy.flip.flag": 0.625,
                    f"{NAME}.chance.flip.flag": 0.5}
            row["validation_measures"] = {"train": {k: v + 0.0625 for k, v in seen.items()}, "test": seen}
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = Page(write([folder], tmp_path / "page.html"))
    assert "augmentation_prediction, online" in page.words
    assert "crop.centre[0] 0.438 0.375" in page.words
    assert "flip.flag 68.8% 62.5% 50.0%" in page.words
    curves = [p for p in page.payload["plots"] if p["layout"]["yaxis"]["title"]["text"] == "R2"]
    assert [[trace["y"] for trace in p["data"]] for p in curves] == [[[0.125, 0.25, 0.375]]]


def test_a_run_without_auxiliaries_says_nothing_of_them(one_page: Page) -> None:
    assert "Read from the features" not in one_page.words
