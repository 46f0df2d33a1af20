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


@dataclass(frozen=True)
class Line:
    """One series: its values, and its look where that is not the next free one."""

    x: Sequence[float]
    y: Sequence[float | None]
    name: str
    colour: str = ""
    faint: bool = False


def figure(
    series: Sequence[Line],
    x_label: str,
    y_label: str,
    references: Mapping[str, float] | None = None,
    log: str = "",
    y_range: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """A Plotly figure of lines with labelled axes and horizontal reference lines."""
    data = []
    for k, line in enumerate(series):
        x, y = _thin(line)
        colour = line.colour or COLOURS[k % len(COLOURS)]
        look = {"color": colour, "width": 1 if line.faint else 2}
        look["dash"] = DASHES[0 if line.colour else k // len(COLOURS) % len(DASHES)]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(x) < 40 and not line.faint else "lines",
                "x": x,
                "y": y,
                "name": line.name,
                "line": look,
                "opacity": 0.55 if line.faint else 1,
                "marker": {"size": 5},
                "showlegend": len(series) > 1,
            }
        )
    named = references or {}
    layout: dict[str, Any] = {
        "xaxis": _axis(x_label, "x" in log),
        "yaxis": _axis(y_label, "y" in log),
        "margin": {"l": 58, "r": 12, "t": 8, "b": 44},
        "height": 270,
        "hovermode": "x unified" if len(series) < 5 else "closest",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": y,
                "y1": y,
                "line": {"color": "#8a8a8a", "dash": "dot", "width": 1.5},
            }
            for y in named.values()
        ],
        "annotations": [
            {
                "xref": "paper",
                "x": 1,
                "y": math.log10(y) if "y" in log and y > 0 else y,
                "xanchor": "right",
                "yanchor": "bottom",
                "text": plain_text(f"{name} {plain(y)}"),
                "showarrow": False,
                "font": {"size": 11},
            }
            for name, y in named.items()
        ],
    }
    for trace in data:
        trace["name"] = plain_text(str(trace["name"]))
    if y_range:
        layout["yaxis"]["range"] = list(y_range)
    return {"data": data, "layout": layout}


def alt(series: Sequence[Line], x_label: str, y_label: str) -> str:
    """The figure in words: where each series begins and ends."""
    parts = []
    for line in series:
        known = [y for y in line.y if y is not None and math.isfinite(y)]
        if known:
            parts.append(f"{line.name} from {plain(known[0])} to {plain(known[-1])}")
    return (
        f"Lines of {y_label or 'values'} against {x_label or 'position'}: {'; '.join(parts) or 'no values'}."
    )


def plain_text(text: str) -> str:
    """Text in which Plotly finds no markup of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def finite(values: Sequence[Any]) -> list[float | None]:
    """Numbers as JSON can hold them: what is not finite becomes None."""
    return [float(v) if isinstance(v, (int, float)) and math.isfinite(v) else None for v in values]


def _axis(label: str, log: bool) -> dict[str, Any]:
    return {"title": {"text": plain_text(label)}, "type": "log" if log else "linear", "automargin": True}


def _thin(line: Line) -> tuple[list[float | None], list[float | None]]:
    x, y = finite(line.x), finite(line.y)
    if len(x) <= POINTS:
        return x, y
    kept = [round(k * (len(x) - 1) / (POINTS - 1)) for k in range(POINTS)]
    return [x[k] for k in kept], [y[k] for k in kept]
