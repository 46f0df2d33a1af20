"""Loss figures: every term on train and held-out images, one range for all runs, the chance line."""

from __future__ import annotations

import json
import math
from pathlib import Path

from made import write_run
from page import Page

from kinfolk.report import watch
from kinfolk.report.document import Document
from kinfolk.report.losses import show
from kinfolk.report.material import read
from kinfolk.report.write import write


def test_every_term_is_drawn_while_training_on_train_and_held_out(one_run: Path) -> None:
    page = Document()
    show([read(one_run)], page)
    names = [[trace["name"] for trace in plot["data"]] for plot in page.plots]
    assert names == [["while training", "training images", "test images, held out"]] * 3
    total = page.plots[0]["data"]
    last = [row for row in map(json.loads, (one_run / "log.jsonl").read_text().splitlines()) if "validation" in row][-1]
    assert total[1]["y"][-1] == last["validation"]["train"]["total"]
    assert total[2]["y"][-1] == last["validation"]["test"]["total"]
    assert total[2]["x"] == [60.0, 120.0, 180.0]


def test_chance_is_drawn_for_simclr_alone(one_run: Path, tmp_path: Path) -> None:
    page = Document()
    show([read(one_run), read(write_run(tmp_path / "second", method="vicreg"))], page)
    notes = [[a["text"] for a in plot["layout"]["annotations"]] for plot in page.plots]
    assert notes == [["chance 6.24"], [], [], [], [], []]
    assert math.isclose(math.log(2 * 256 - 1), 6.236, abs_tol=1e-3)
    ranges = [plot["layout"]["yaxis"]["range"] for plot in page.plots]
    assert ranges[0] == ranges[1]
    assert ranges[0][0] < 4.95 < 6.24 < ranges[0][1]


def test_gap_is_said_with_its_sign(one_page: Page) -> None:
    said = "after the last epoch the total is 4.95 on training images and 5.00 on test images: 0.0500 higher"
    assert said in one_page.words


def test_numbers_that_are_not_finite_leave_a_hole(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    rows[1]["total"] = None
    rows[-1]["watch"] = {"rankme": 1.2, "alarm": "COLLAPSING: 1.2 of 192 dimensions in use"}
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = Page(write([folder], tmp_path / "page.html"))
    traces = [trace for plot in page.payload["plots"] for trace in plot["data"]]
    total = next(trace for trace in traces if trace["name"] == "while training")
    assert [k for k, y in enumerate(total["y"]) if y is None] == [1]
    assert "run, epoch 3: COLLAPSING: 1.2 of 192 dimensions in use" in page.words


def test_a_watched_distribution_is_one_figure_in_the_runs_colour(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    for row in rows:
        if "watch" in row:
            row["watch"]["similarity_nearest"] = {"mean": 0.8, "std": 0.1, "p5": 0.6, "p95": 0.9 + row["epoch"] / 100}
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = Document()
    watch.show([read(folder)], page)
    (rank,), figure = (plot["data"] for plot in page.plots)
    assert (rank["name"], rank["y"]) == ("run", [13.0, 16.0, 19.0])
    assert [trace["name"] for trace in figure] == ["run, mean", "run, std", "run, p5", "run, p95"]
    assert figure[3]["y"] == [0.91, 0.92, 0.93]
    assert len({trace["line"]["color"] for trace in figure}) == 1
    assert len({trace["line"]["dash"] for trace in figure}) == 4


def test_the_watch_says_what_it_saw(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / "one"), write_run(tmp_path / "two")]
    for folder, scores in zip(folders, ([0.2, 0.3, 0.4], [0.2, 0.4, 0.3]), strict=True):
        rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        for row, score in zip([row for row in rows if "watch" in row], scores, strict=True):
            row["watch"]["knn"] = score
        (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    early = write_run(tmp_path / "early")
    rows = [json.loads(line) for line in (early / "log.jsonl").read_text().splitlines()]
    (early / "log.jsonl").write_text("".join(json.dumps(row | {"step": row["epoch"]}) + "\n" for row in rows))
    assert "Collapse" not in watch.show([read(early)], Document())
    said = watch.show([read(folder) for folder in (*folders, early)], Document())
    assert "Collapse was watched for in 2 runs and seen in none." in said
    assert "is highest after the last epoch in 1 of 2 runs." in said
