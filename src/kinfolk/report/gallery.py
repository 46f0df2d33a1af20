"""Gallery: nearest and farthest images of the same queries, images with scores, or pictures that were painted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinfolk.records.findings import Finding
from kinfolk.report.columns import Column, Question
from kinfolk.report.document import Document
from kinfolk.report.markup import Markup, join, tag

QUERIES = 20  # as many rows; with more than three runs half as many
TILES = 10
SHEET = 60
WAYS = {"nearest": "similarity", "farthest": "farthest_similarity"}


def show(question: Question, page: Document) -> Markup:
    """Queries down the page, runs under each other so that neighbours can be compared, floors folded away."""
    asked = {c: f for c, f in question.answers.items() if {"queries", "nearest"} <= f.arrays.keys()}
    sheets = [
        (_painted if "pictures" in f.arrays else _sheet)(question, c, f, page)
        for c, f in question.answers.items() if {"images", "pictures"} & f.arrays.keys()
    ]
    return tag(
        "div",
        tag("h3", question.title),
        _queries(question, asked, page) if asked else None,
        tag("div", sheets, class_="side") if sheets else None,
    )


def _queries(question: Question, asked: dict[Column, Finding], page: Document) -> Markup:
    rows: dict[int, dict[Column, Markup]] = {}
    alike: dict[Column, list[bool]] = {column: [] for column in asked}
    for column, finding in asked.items():
        chosen = range(0, min(QUERIES, len(finding.arrays["queries"])), 2 if len(question.runs) > 3 else 1)
        asking, elsewhere = finding.arrays["queries"][list(chosen)], column.run.elsewhere(finding)
        queries = page.album.add(column.run, _split(finding, "query"), asking, dataset=elsewhere)
        for k, query in zip(chosen, queries.tolist(), strict=True):
            strips = []
            for way in WAYS:
                tiles = _found(column, finding, way, k, page)
                label = f"{column.label}, {way}" if not column.own or len(question.runs) > 1 else way
                strips.append(_strip(label, [_tile(image, text, page, query) for image, text in tiles]))
                if way == "nearest" and page.album.category(query):
                    alike[column] += [_alike(image, query, page) for image, _ in tiles]
            rows.setdefault(query, {})[column] = tag("div", strips, class_="pair")
    texts = [tag("p", question.who(c), f.text) for c, f in asked.items() if f.text and c.own]
    return join([texts, _counted(alike), [_row(query, strips, page) for query, strips in rows.items()]])


def _row(query: int, strips: dict[Column, Markup], page: Document) -> Markup:
    runs = [strip for column, strip in strips.items() if column.own]
    floors = [strip for column, strip in strips.items() if not column.own]
    folded = tag("details", tag("summary", "the same query under what stands beside it"), floors) if floors else None
    caption = page.album.category(query) or "query"
    picture = tag("figure", _picture(query, "", page), tag("figcaption", caption), class_="tile asked")
    return tag("div", picture, tag("div", runs, folded, class_="strips"), class_="query")


def _split(finding: Finding, role: str) -> str:
    """The split a gallery points into: what it says, else the finding's own."""
    named = finding.data.get(f"{role}_split" if role else "split")
    return str(named or finding.protocol.get(finding.split, finding.split))


def _found(column: Column, finding: Finding, way: str, row: int, page: Document) -> list[tuple[int, str]]:
    """Numbers of the images found for a query, with their similarities as text."""
    if way not in finding.arrays:
        return []
    positions = finding.arrays[way][row][:TILES]
    values = finding.arrays.get(WAYS[way])
    texts = [f"{v:.2f}" for v in values[row][:TILES]] if values is not None else [""] * len(positions)
    kept = positions >= 0
    elsewhere = column.run.elsewhere(finding)
    images = page.album.add(column.run, _split(finding, "bank"), positions[kept], dataset=elsewhere)
    return list(zip(images.tolist(), [t for t, keep in zip(texts, kept, strict=True) if keep], strict=True))


def _strip(label: str, tiles: Sequence[Markup]) -> Markup:
    return tag("div", tag("span", label, class_="label"), tiles, class_="strip") if tiles else join([])


def _alike(image: int, query: int, page: Document) -> bool:
    return bool(page.album.category(query)) and page.album.category(image) == page.album.category(query)


def _tile(image: int, text: str, page: Document, query: int | None = None) -> Markup:
    alike = query is not None and _alike(image, query, page)
    caption = tag("figcaption", f"✓ {text}" if alike else text)
    return tag("figure", _picture(image, text, page), caption, class_="tile alike" if alike else "tile")


def _picture(image: int, text: str, page: Document) -> Markup:
    alt = ": ".join(filter(None, [page.album.describe(image), text]))
    return tag("canvas", role="img", aria_label=alt, data_image=image)


def _counted(alike: dict[Column, list[bool]]) -> Markup:
    """How many of the images shown are of the query's class."""
    shares = [f"{np.mean(found):.0%} ({column.label})" for column, found in alike.items() if found]
    if not shares:
        return join([])
    text = f"Of the nearest images shown here, these are of the query's class (✓): {', '.join(shares)}."
    return tag("p", text, " Below each image stands its similarity.")


def _sheet(question: Question, column: Column, finding: Finding, page: Document) -> Markup:
    positions, elsewhere = finding.arrays["images"][:SHEET], column.run.elsewhere(finding)
    images = page.album.add(column.run, _split(finding, ""), positions, dataset=elsewhere)
    scores = finding.arrays.get("score")
    texts = [f"{v:.2f}" for v in scores[:SHEET]] if scores is not None else [""] * len(images)
    tiles = [_tile(image, text, page) for image, text in zip(images.tolist(), texts, strict=True)]
    return tag("div", tag("p", question.who(column), finding.text), tag("div", tiles, class_="strip"))


def _painted(question: Question, column: Column, finding: Finding, page: Document) -> Markup:
    """Painted pictures, each under the image it was painted of where there is one."""
    pictures = page.album.paint(f"{question.title} of {column.label}", finding.arrays["pictures"][:SHEET])
    scores = finding.arrays.get("score")
    texts = [f"{v:.3f}" for v in scores[:SHEET]] if scores is not None else [""] * len(pictures)
    tiles = [_tile(picture, text, page) for picture, text in zip(pictures.tolist(), texts, strict=True)]
    if "images" in finding.arrays:
        positions, elsewhere = finding.arrays["images"][:SHEET], column.run.elsewhere(finding)
        images = page.album.add(column.run, _split(finding, ""), positions, dataset=elsewhere)
        above = [_tile(image, "", page) for image in images.tolist()]
        tiles = [tag("div", pair) for pair in zip(above, tiles, strict=True)]
    return tag("div", tag("p", question.who(column), finding.text), tag("div", tiles, class_="strip"))
