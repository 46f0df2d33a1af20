"""Scatter: maps of images, the same images in each, side by side over one legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kinfolk.records.findings import Finding
from kinfolk.report.columns import Column, Question
from kinfolk.report.document import Document
from kinfolk.report.markup import Markup, join, tag

POINTS = 3000
CATEGORIES = 64  # whole numbers with more values than this are a quantity

MANUAL = (
    "Point at a mark to see the image in every map; drag to move, scroll (after a click) or pinch to zoom, "
    "hold Shift and drag to select, double-click for the whole map. With the keyboard: arrows walk from image "
    "to image, + and − zoom, 0 shows all, Enter selects, Escape clears."
)


def show(questions: Sequence[Question], page: Document) -> Markup:
    """All maps, those of one dataset and split under one legend so that a selection shows in each."""
    atlases: dict[tuple[str, str], list[tuple[Question, Column, Finding]]] = {}
    for question in questions:
        for column, finding in question.answers.items():
            if {"xy", "index"} <= finding.arrays.keys() and len(finding.arrays["index"]):
                atlases.setdefault((column.run.dataset, question.place), []).append((question, column, finding))
    return join(_atlas(maps, page) for maps in atlases.values())


def _atlas(maps: list[tuple[Question, Column, Finding]], page: Document) -> Markup:
    siblings: dict[Column, list[Finding]] = {}
    for _, column, finding in maps:
        siblings.setdefault(column, []).append(finding)
    rows: dict[str, list[Markup]] = {}
    for question, column, finding in maps:
        extras = _extras(finding, siblings[column])
        rows.setdefault(question.title, []).append(_map(question, column, finding, extras, page))
    counted = max(len(finding.arrays["index"]) for _, _, finding in maps)
    note = f"Each map shows the same {POINTS} of {counted} images. " if counted > POINTS else ""
    side = [tag("div", tag("h3", title), tag("div", figures, class_="side maps")) for title, figures in rows.items()]
    return tag(
        "div",
        tag("p", said) if (said := _named(maps)) else None,
        tag("p", note, MANUAL, class_="hint"),
        tag("div", class_="controls"),
        side,
        tag("div", class_="selection", hidden=True),
        class_="atlas",
    )


def _named(maps: list[tuple[Question, Column, Finding]]) -> str:
    """On which kind of map neighbours name the class most often, on average over the runs."""
    shares: dict[str, list[float]] = {}
    for question, column, finding in maps:
        if column.own and "accuracy_on_map" in finding.data:
            shares.setdefault(question.title, []).append(float(finding.data["accuracy_on_map"]))
    means = sorted(((float(np.mean(values)), title) for title, values in shares.items()), reverse=True)
    parts = [f"{share:.1%} on the {title}" for share, title in means]
    return f"Neighbours on a map name the class, on average over what was trained: {', '.join(parts)}." if parts else ""


def _extras(finding: Finding, siblings: Sequence[Finding]) -> dict[str, np.ndarray]:
    """What colours a map besides its classes: its own arrays, then those of the same subject's other maps."""
    index = finding.arrays["index"]
    found: dict[str, np.ndarray] = {}
    for other in [finding, *siblings]:
        rows = {position: row for row, position in enumerate(other.arrays["index"].tolist())}
        if not all(position in rows for position in index.tolist()):
            continue
        aligned = [rows[position] for position in index.tolist()]
        for name, values in other.arrays.items():
            if name not in ("xy", "index", "labels") and values.shape == other.arrays["index"].shape:
                found.setdefault(name, values[aligned])
    return found


def _map(question: Question, column: Column, finding: Finding, extras: dict[str, np.ndarray], page: Document) -> Markup:
    points = _points(question.place, column, finding, extras, page)
    alt = f"{question.title} of {column.label}: {len(points['ids'])} points, each an image of "
    alt += f"{column.run.elsewhere(finding) or column.run.data_name} {question.place}."
    caption = [tag("strong", column.label), f" {finding.text}"]
    return tag("figure", page.map(points, alt), tag("figcaption", caption))


def _points(
    split: str, column: Column, finding: Finding, extras: dict[str, np.ndarray], page: Document
) -> dict[str, Any]:
    index = np.asarray(finding.arrays["index"], np.int64)
    kept = chosen(index)
    labels = finding.arrays.get("labels")
    elsewhere = column.run.elsewhere(finding)
    ids = page.album.add(column.run, split, index[kept], None if labels is None else labels[kept], elsewhere)
    colours = {}
    if labels is not None and (labels >= 0).any():
        names = page.album.classes(column.run, split, elsewhere) or [str(n) for n in finding.data.get("classes", [])]
        colours["class"] = _categories(labels[kept], names)
    for name, values in extras.items():
        colours[name.replace("_", " ")] = _colouring(values[kept])
    return {"xy": finding.arrays["xy"][kept].astype(np.float32), "ids": ids, "colours": colours}


def chosen(index: np.ndarray) -> np.ndarray:
    """Rows of at most ``POINTS`` images, drawn by a hash of their position: the same in every map."""
    if len(index) <= POINTS:
        return np.arange(len(index))
    mixed = (index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)
    return np.sort(np.argsort(mixed, kind="stable")[:POINTS])


def _colouring(values: np.ndarray) -> dict[str, Any]:
    whole = np.issubdtype(values.dtype, np.integer)
    if whole and len(np.unique(values)) <= CATEGORIES and values.max(initial=0) < 4 * CATEGORIES:
        return _categories(values, [])
    known = values[np.isfinite(values)].astype(np.float64)
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return {"values": values.astype(np.float32), "names": None, "low": low, "high": high}


def _categories(values: np.ndarray, names: list[str]) -> dict[str, Any]:
    count = max(len(names), int(values.max(initial=-1)) + 1)
    return {"values": values.astype(np.int32), "names": names + [str(k) for k in range(len(names), count)]}
