"""Lines: the one look of every curve in the report, as a Plotly figure of plain values, and it in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kinfolk.report.figures import plain

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a8a", "#b8a900")
DASHES = ("solid", "dash", "dot", "dashdot")
POINTS = 1500  # in one series; more are thinned evenly
MARKED = 40  # a series with fewer points shows each of them
ROW = 4  # names in a legend that need no more room; of more each may have a row of its own
GREY = "#8a8a8a"


@dataclass(frozen=True)
class Line:
    """One series: its values, and its look where that is not the next free one."""

    x: Sequence[float]
    y: Sequence[float | None]
    name: str
    colour: str = ""
    dash: str = ""
    faint: bool = False


def figure(
    series: Sequence[Line],
    x_label: str,
    y_label: str,
    references: Mapping[str, float] | None = None,
    log: str = "",
    y_range: tuple[float, float] | None = None,
    legend: bool = True,
) -> dict[str, Any]:
    """A Plotly figure of lines with labelled axes and horizontal reference lines."""
    named = references or {}
    layout: dict[str, Any] = {
        "xaxis": _axis(x_label, [x for line in series for x in line.x], "x" in log),
        "yaxis": _axis(y_label, [*(y for line in series for y in line.y), *named.values()], "y" in log),
        "margin": {"l": 58, "r": 12, "t": 8, "b": 44},
        "height": 260 + (20 * len(series) if legend and len(series) > ROW else 0),
        "hovermode": "x" if len(series) < 5 else "closest",
        "showlegend": legend and len(series) > 1,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "shapes": [_reference(y) for y in named.values()],
        "annotations": [_named(name, y, "y" in log) for name, y in named.items()],
    }
    if y_range:
        layout["yaxis"]["range"] = list(y_range)
    return {"data": [_trace(line, k) for k, line in enumerate(series)], "layout": layout}


def alt(series: Sequence[Line], x_label: str, y_label: str) -> str:
    """The figure in words: where each series begins and ends."""
    parts = []
    for line in series:
        known = [y for y in line.y if y is not None and math.isfinite(y)]
        if known:
            parts.append(f"{line.name} from {plain(known[0])} to {plain(known[-1])}")
    values = "; ".join(parts) or "no values"
    return f"Lines of {y_label or 'values'} against {x_label or 'position'}: {values}."


def plain_text(text: str) -> str:
    """Text in which Plotly finds no markup of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def finite(values: Sequence[Any]) -> list[float | None]:
    """Numbers as JSON can hold them: what is not finite becomes None."""
    return [float(v) if isinstance(v, (int, float)) and math.isfinite(v) else None for v in values]


def _trace(line: Line, k: int) -> dict[str, Any]:
    x, y = _thin(line)
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(x) < MARKED and not line.faint else "lines",
        "x": x,
        "y": y,
        "name": plain_text(line.name),
        "line": {
            "color": line.colour or COLOURS[k % len(COLOURS)],
            "dash": line.dash or DASHES[k // len(COLOURS) % len(DASHES)],
            "width": 1.2 if line.faint else 2,
        },
        "opacity": 0.7 if line.faint else 1,
        "marker": {"size": 5},
    }


def _reference(y: float) -> dict[str, Any]:
    look = {"color": GREY, "dash": "dot", "width": 1.5}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": look}


def _named(name: str, y: float, log: bool) -> dict[str, Any]:
    return {
        "xref": "paper",
        "x": 1,
        "y": math.log10(y) if log and y > 0 else y,
        "xanchor": "right",
        "yanchor": "bottom",
        "text": plain_text(f"{name} {plain(y)}"),
        "showarrow": False,
        "font": {"size": 11},
    }


def _axis(label: str, values: Sequence[Any], log: bool) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": plain_text(label)}, "type": "linear", "automargin": True}
    known = [v for v in finite(values) if v is not None]
    if log:
        above = [v for v in known if v > 0]
        axis |= {"type": "log", "exponentformat": "power"}
        if above and max(above) > 10 * min(above):
            axis["dtick"] = 1
    elif known and all(v == int(v) for v in known) and 0 < max(known) - min(known) < 10:
        axis["dtick"] = 1
    return axis


def _thin(line: Line) -> tuple[list[float | None], list[float | None]]:
    x, y = finite(line.x), finite(line.y)
    if len(x) <= POINTS:
        return x, y
    kept = [round(k * (len(x) - 1) / (POINTS - 1)) for k in range(POINTS)]
    return [x[k] for k in kept], [y[k] for k in kept]
