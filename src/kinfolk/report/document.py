"""Document: the page around the sections: security policy, scripts by hash, styles, and what they draw."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib import resources
from typing import Any

import numpy as np

from kinfolk.core.errors import WorkError
from kinfolk.report.album import Album
from kinfolk.report.markup import Markup, join, tag

LIMIT = 10_000_000  # bytes
STYLES = ("shared.css", "page.css")
MODULES = (
    "marks", "grid", "group", "frame", "painter", "pointer", "tip", "scatter", "legend", "atlas", "plots", "page",
)  # fmt: skip


class Document:
    """Collects what the page's scripts draw, and writes the page."""

    def __init__(self) -> None:
        self.album = Album()
        self.plots: list[dict[str, Any]] = []
        self.maps: list[dict[str, Any]] = []
        self.arrays: dict[str, int] = {}

    def plot(self, figure: dict[str, Any], alt: str) -> Markup:
        """A place where Plotly draws ``figure`` (``data`` and ``layout``); ``alt`` says it in words."""
        self.plots.append(figure)
        return tag("div", class_="plot", role="img", aria_label=alt, data_plot=len(self.plots) - 1)

    def map(self, points: dict[str, Any], alt: str) -> Markup:
        """A place where our scatter draws ``points`` (``xy``, ``ids`` and ``colours``, see scatter.js).

        Places are kept to a 65,535th of the map's side; arrays that several maps share are kept once.
        """
        places, frame = quantised(points["xy"])
        colours = {
            name: {**colouring, "values": self._kept(pack(colouring["values"]))}
            for name, colouring in points["colours"].items()
        }
        self.maps.append(
            {
                "xy": self._kept(pack(places)),
                "frame": frame,
                "ids": self._kept(pack(points["ids"])),
                "colours": colours,
                "label": alt,
            }
        )
        return tag("div", class_="map", data_map=len(self.maps) - 1)

    def _kept(self, packed: str) -> int:
        return self.arrays.setdefault(packed, len(self.arrays))

    def html(self, title: str, body: Markup) -> str:
        """The whole file.

        Raises:
            WorkError: it would be larger than ``LIMIT`` even without pictures.
        """
        page = self._assemble(title, body, None)
        page = self._assemble(title, body, self.album.sheet(LIMIT - len(page.encode()) - 10_000))
        size = len(page.encode())
        if size > LIMIT:
            raise WorkError(f"the report would have {size / 1e6:.1f} MB, more than {LIMIT // 10**6}; show fewer runs.")
        return page

    def _assemble(self, title: str, body: Markup, sheet: dict[str, Any] | None) -> str:
        images = {name: pack(column) for name, column in self.album.columns().items()}
        payload = {
            "sheet": sheet,
            "arrays": list(self.arrays),
            "images": images,
            "sets": self.album.sets,
            "maps": self.maps,
            "plots": self.plots,
        }
        data = json.dumps(payload, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
        scripts = [page_script()]
        if self.plots:
            scripts.insert(0, plotly_script())
        folder = resources.files("kinfolk.report").joinpath("page")
        style = "".join(folder.joinpath(name).read_text("utf-8") for name in STYLES)
        policy = security(scripts, style, bool(self.plots))
        head = tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=policy),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("meta", name="referrer", content="no-referrer"),
            tag("title", title),
            tag("style", Markup(style)),
        )
        tail = [tag("script", Markup(data), id="payload", type="application/json")]
        tail += [tag("script", Markup(s), type="module" if s is scripts[-1] else None) for s in scripts]
        return f"<!DOCTYPE html>\n{tag('html', head, tag('body', body, join(tail)), lang='en')}\n"


def security(scripts: list[str], style: str, plotly: bool) -> str:
    """The content security policy: nothing is fetched, and only these very scripts run.

    Plotly writes style elements and attributes while it draws, so a page with curves has to allow inline
    styles; a page without allows only its own sheet, by hash.
    """
    allowed = " ".join(f"'sha256-{digest(script)}'" for script in scripts)
    rules = {
        "default-src": "'none'",
        "script-src": allowed,
        "style-src": "'unsafe-inline'" if plotly else f"'sha256-{digest(style)}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def digest(text: str) -> str:
    """SHA-256 in base64, as security policies name it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def page_script() -> str:
    """Our modules as one: imports of each other are left out, the order is that of their needs."""
    folder = resources.files("kinfolk.report").joinpath("page")
    texts = [folder.joinpath(f"{name}.js").read_text("utf-8") for name in MODULES]
    return inert("\n".join(re.sub(r"^import .*;$", "", text, flags=re.MULTILINE) for text in texts))


def plotly_script() -> str:
    """Plotly's script from the installed package."""
    from plotly.offline import get_plotlyjs

    return inert(get_plotlyjs().replace("\r\n", "\n"))


def inert(script: str) -> str:
    """The same script without the letters that would end or nest a script element."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def pack(array: np.ndarray) -> str:
    """A flat array as text: ``f4:``, ``i4:`` or ``u2:`` and its bytes in base64."""
    kind = "f4" if np.issubdtype(array.dtype, np.floating) else "u2" if array.dtype == np.uint16 else "i4"
    return f"{kind}:{base64.b64encode(np.ascontiguousarray(array, f'<{kind}').tobytes()).decode()}"


def quantised(xy: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Places (n, 2) as uint16 and the frame they lie in: x = frame.x + step * value, the same step for y.

    Places that are not finite become 65,535 and 65,535, which no other has.
    """
    known = np.isfinite(xy).all(1)
    low = xy[known].min(0) if known.any() else np.zeros(2)
    side = float((xy[known] - low).max(initial=0.0)) or 1.0
    values = np.full(xy.shape, 65535, np.uint16)
    values[known] = np.round((xy[known] - low) / side * 65534).astype(np.uint16)
    return values, {"x": float(low[0]), "y": float(low[1]), "step": side / 65534}
