"""Matrix: a shaded table, or a heat map where it is too wide to be read as one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kinfolk.records.findings import Finding
from kinfolk.report import lines
from kinfolk.report.columns import Question
from kinfolk.report.document import Document
from kinfolk.report.figures import plain
from kinfolk.report.markup import Markup, grid, tag

WIDEST = 30
SHADES = 9


def show(question: Question, page: Document) -> Markup:
    """The matrices of every column side by side."""
    shown = []
    for column, finding in question.answers.items():
        label = f"{question.title} of {column.label}"
        small = len(finding.data.get("columns", [])) <= WIDEST
        if small:
            rows, columns = ([str(n) for n in finding.data.get(key, [])] for key in ("rows", "columns"))
            picture = shaded(rows, columns, finding.data.get("values", []), label)
        else:
            picture = page.plot(_heat(finding), label)
        shown.append(tag("div", tag("p", question.who(column), finding.text), picture))
    return tag("div", tag("h3", question.title), tag("div", shown, class_="side"))


def shaded(
    rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[object]], label: str
) -> Markup:
    """A table whose cells are the darker the larger their number is."""
    known = [abs(v) for row in values for v in row if isinstance(v, (int, float)) and math.isfinite(v)]
    top = max(known, default=0.0) or 1.0
    body = [[name, *[_cell(v, top) for v in row]] for name, row in zip(rows, values, strict=False)]
    return grid(["", *columns], body, label, class_="matrix")


def _cell(value: object, top: float) -> Markup:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return tag("td", "–")
    shade = round(SHADES * abs(value) / top)
    return tag("td", plain(value), class_=f"{'below' if value < 0 else 'above'} shade{shade}")


def _heat(finding: Finding) -> dict[str, object]:
    names = {key: [lines.plain_text(str(n)) for n in finding.data.get(key, [])] for key in ("rows", "columns")}
    values = [lines.finite(row) for row in finding.data.get("values", [])]
    heat = {
        "type": "heatmap",
        "x": names["columns"],
        "y": names["rows"],
        "z": values,
        "colorscale": "Cividis",
    }
    axis = {"automargin": True, "type": "category"}
    layout = {
        "xaxis": axis,
        "yaxis": {**axis, "autorange": "reversed"},
        "height": 520,
        "margin": {"l": 80, "r": 10, "t": 10, "b": 80},
    }
    return {"data": [heat], "layout": layout}
