"""Sheets of pictures in rows, each with a caption: one HTML file or one PNG, by suffix."""

from __future__ import annotations

import base64
import html
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinfolk.core import files
from kinfolk.core.errors import RequestError

SUFFIXES = (".html", ".png")
SHOWN = 128
GAP, LINE, LETTERS = 8, 13, 21
STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:1.5rem;color:#222;background:#fff}"
    "section{margin:1rem 0;border-top:1px solid #ccc}h2{font-size:1rem}"
    "div{display:flex;flex-wrap:wrap;gap:.8rem}figure{margin:0;width:9rem}"
    "img{width:100%;image-rendering:pixelated}figcaption{font-size:.75rem;white-space:pre-line;overflow-wrap:anywhere}"
)


@dataclass(frozen=True)
class Tile:
    """One picture, uint8 (H, W, 3), and what stands below it; lines are kept."""

    picture: np.ndarray
    caption: str = ""


@dataclass(frozen=True)
class Row:
    """Pictures beside each other under a title."""

    title: str
    tiles: Sequence[Tile]


def check(path: Path) -> None:
    """Raise RequestError unless a sheet can be written under this name."""
    if path.suffix not in SUFFIXES:
        raise RequestError(f"a sheet is written as {' or '.join(SUFFIXES)}, not '{path.name}'.")


def write(path: Path, title: str, rows: Sequence[Row]) -> None:
    """Write the rows under each other to ``path``; RequestError for another suffix than .html and .png."""
    check(path)
    if path.suffix == ".html":
        files.write_text(path, _page(title, rows))
    else:
        with files.replacing(path) as partial:
            _drawn(title, rows).save(partial, "PNG")


def _page(title: str, rows: Sequence[Row]) -> str:
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body><h1>{html.escape(title)}</h1>",
    ]
    for row in rows:
        parts.append(f"<section><h2>{html.escape(row.title)}</h2><div>")
        for tile in row.tiles:
            text, alt = html.escape(tile.caption), html.escape(row.title, quote=True)
            parts.append(f'<figure><img alt="{alt}" src="{_uri(tile)}"><figcaption>{text}</figcaption></figure>')
        parts.append("</div></section>")
    return "".join([*parts, "</body></html>\n"])


def _uri(tile: Tile) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(tile.picture)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _drawn(title: str, rows: Sequence[Row]) -> Image.Image:
    """All rows on white; pictures are brought to ``SHOWN`` pixels without smoothing where they are enlarged."""
    font = ImageFont.load_default()
    captions = [[_wrapped(tile.caption) for tile in row.tiles] for row in rows]
    heights = [LINE + GAP + SHOWN + LINE * max(map(len, texts), default=0) + GAP for texts in captions]
    columns = max((len(row.tiles) for row in rows), default=1)
    width = max(GAP + columns * (SHOWN + GAP), GAP * 2 + int(font.getlength(title)))
    sheet = Image.new("RGB", (width, 2 * GAP + LINE + sum(heights)), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, GAP), title, "black", font)
    top = 2 * GAP + LINE
    for row, texts, height in zip(rows, captions, heights, strict=True):
        draw.text((GAP, top), row.title, "black", font)
        for column, (tile, lines) in enumerate(zip(row.tiles, texts, strict=True)):
            left = GAP + column * (SHOWN + GAP)
            picture = Image.fromarray(np.ascontiguousarray(tile.picture))
            small = max(picture.size) <= SHOWN
            sampling = Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS
            scale = SHOWN / max(picture.size)
            side = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            sheet.paste(picture.resize(side, sampling), (left, top + LINE + GAP))
            for number, line in enumerate(lines):
                draw.text((left, top + LINE + GAP + SHOWN + number * LINE), line, "black", font)
        top += height
    return sheet


def _wrapped(caption: str) -> list[str]:
    """The lines of a caption as they fit under a picture."""
    return [part for line in caption.split("\n") for part in textwrap.wrap(line, LETTERS)]
