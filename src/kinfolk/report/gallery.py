"""Gallery: sheets of nearest and farthest images for the same queries, or one sheet of images with scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinfolk.records.findings import Finding
from kinfolk.report.columns import Column, Question
from kinfolk.report.document import Document
from kinfolk.report.markup import Markup, join, tag

QUERIES = 20
TILES = 10
SHEET = 60


def show(question: Question, page: Document) -> Markup:
    """Queries down the page, columns under each other so that their neighbours can be compared."""
    asked = {c: f for c, f in question.answers.items() if {"queries", "nearest"} <= f.arrays.keys()}
    sheets = {c: f for c, f in question.answers.items() if "images" in f.arrays}
    return tag(
        "div",
        tag("h3", question.title),
        _queries(asked, page) if asked else None,
        tag("div", [_sheet(c, f, page) for c, f in sheets.items()], class_="side") if sheets else None,
    )


def _queries(asked: dict[Column, Finding], page: Document) -> Markup:
    blocks: dict[int, list[Markup]] = {}
    counts: dict[Column, tuple[int, int]] = {}
    for column, finding in asked.items():
        labels = column.label if len(asked) > 1 else ""
        queries = page.album.add(column.run, _split(finding, "query"), finding.arrays["queries"])
        alike = shown = 0
        for k, query in enumerate(queries[:QUERIES].tolist()):
            tiles = {way: _strip(column, finding, way, k, page) for way in ("nearest", "farthest")}
            known = [
                page.album.category(t) == page.album.category(query)
                for t, _ in tiles["nearest"]
                if page.album.category(query)
            ]
            alike, shown = alike + sum(known), shown + len(known)
            strips = [
                tag(
                    "div",
                    tag("span", f"{labels} {way}".strip(), class_="who"),
                    _tiles(found, query, page),
                    class_=f"strip {way}",
                )
                for way, found in tiles.items()
                if found
            ]
            blocks.setdefault(query, []).append(join(strips))
        counts[column] = alike, shown
    rows = [
        tag(
            "div",
            _tile(query, None, query, page, "query"),
            tag("div", strips, class_="strips"),
            class_="query",
        )
        for query, strips in blocks.items()
    ]
    texts = [tag("p", tag("strong", c.label), " ", f.text) for c, f in asked.items() if f.text]
    legend = (
        "✓ marks a neighbour of the query's class; below each is its similarity."
        if any(n for _, n in counts.values())
        else ""
    )
    return join([texts, tag("p", _counted(counts), " ", legend), rows])


def _split(finding: Finding, role: str) -> str:
    return str(finding.data.get(f"{role}_split", finding.split))


def _strip(
    column: Column, finding: Finding, way: str, row: int, page: Document
) -> list[tuple[int, float | None]]:
    if way not in finding.arrays:
        return []
    images = page.album.add(column.run, _split(finding, "bank"), finding.arrays[way][row][:TILES])
    values = finding.arrays.get("similarity" if way == "nearest" else "farthest_similarity")
    similarity = [None] * len(images) if values is None else np.asarray(values[row][:TILES], float).tolist()
    return list(zip(images.tolist(), similarity, strict=True))


def _tiles(found: Sequence[tuple[int, float | None]], query: int, page: Document) -> Markup:
    return join(_tile(image, similarity, query, page) for image, similarity in found)


def _tile(image: int, similarity: float | None, query: int, page: Document, role: str = "") -> Markup:
    category, wanted = page.album.category(image), page.album.category(query)
    alike = bool(wanted) and category == wanted and not role
    below = (
        category or "query"
        if role
        else f"{'✓ ' if alike else ''}{'' if similarity is None else f'{similarity:.2f}'}"
    )
    alt = page.album.describe(image) + ("" if similarity is None else f", similarity {similarity:.2f}")
    picture = tag("canvas", width=32, height=32, role="img", aria_label=alt, title=alt, data_image=image)
    return tag(
        "figure",
        picture,
        tag("figcaption", below),
        class_=f"tile {role or ('alike' if alike else '')}".strip(),
    )


def _counted(counts: dict[Column, tuple[int, int]]) -> str:
    parts = [
        f"{100 * alike / shown:.0f} % ({column.label})" for column, (alike, shown) in counts.items() if shown
    ]
    return f"Of the nearest images shown, those of the query's class: {', '.join(parts)}." if parts else ""


def _sheet(column: Column, finding: Finding, page: Document) -> Markup:
    images = page.album.add(
        column.run, str(finding.data.get("split", finding.split)), finding.arrays["images"][:SHEET]
    )
    scores = finding.arrays.get("score", np.full(len(images), np.nan))[:SHEET]
    tiles = []
    for image, score in zip(images.tolist(), scores.tolist(), strict=True):
        alt = f"{page.album.describe(image)}, score {score:.3g}"
        picture = tag("canvas", width=32, height=32, role="img", aria_label=alt, title=alt, data_image=image)
        tiles.append(tag("figure", picture, tag("figcaption", f"{score:.2f}"), class_="tile"))
    return tag(
        "div", tag("p", tag("strong", column.label), " ", finding.text), tag("div", tiles, class_="strip")
    )
