"""Maps: the same images in each, colours shared within a subject, galleries of other data named as such."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from made import write_run
from page import Page, unpack

from kinfolk.records import findings
from kinfolk.report.scatter import POINTS, chosen
from kinfolk.report.write import write


def rewrite(folder: Path, change) -> None:
    """Replace every finding of a run by ``change(finding)``."""
    found = [change(f) for f in findings.load(folder)]
    (folder / "findings.jsonl").unlink()
    findings.save(folder, found)


def test_the_same_images_are_chosen_whatever_their_order() -> None:
    index = np.random.default_rng(0).permutation(20_000)[:9000]
    rows = chosen(index)
    assert len(rows) == POINTS
    turned = np.random.default_rng(1).permutation(index)
    assert set(index[rows]) == set(turned[chosen(turned)])
    picked = np.sort(index[rows])
    assert abs(np.median(picked) - 10_000) < 800


def test_a_map_borrows_colours_from_its_subjects_other_maps(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", points=50)

    def thin(finding):
        if finding.name != "map_tsne":
            return finding
        turned = {k: v[::-1].copy() for k, v in finding.arrays.items() if k in ("xy", "index", "labels")}
        return replace(finding, arrays=turned)

    rewrite(folder, thin)
    page = Page(write([folder], tmp_path / "page.html"))
    arrays = [unpack(text) for text in page.payload["arrays"]]
    pca, tsne = page.payload["maps"][0], page.payload["maps"][4]
    assert list(tsne["colours"]) == ["class", "cluster", "anomaly score"]
    cluster = {
        i: c
        for m in (pca, tsne)
        for i, c in zip(arrays[m["ids"]], arrays[m["colours"]["cluster"]["values"]], strict=True)
    }
    for shown in (pca, tsne):
        values = arrays[shown["colours"]["cluster"]["values"]]
        assert [cluster[i] for i in arrays[shown["ids"]]] == values.tolist()
    assert arrays[tsne["ids"]].tolist() == arrays[pca["ids"]].tolist()[::-1]


def test_images_of_other_data_are_not_taken_for_the_runs(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", points=50)

    def other(finding):
        return (
            replace(finding, data={"split": "anomalies", "dataset": "mnist"})
            if finding.name == "anomalies"
            else finding
        )

    rewrite(folder, other)
    page = Page(write([folder], tmp_path / "page.html"))
    labels = [a["aria-label"] for a in page.named("canvas")]
    assert sum(label.startswith("mnist anomalies, image ") for label in labels) == 12
