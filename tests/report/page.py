"""Page: a report as its reader's browser would take it apart: elements, texts, scripts, policy and payload."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np


class Page(HTMLParser):
    """Reads a report: ``elements`` as (name, attributes), ``text`` outside scripts, ``scripts`` and ``styles``."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.path = path
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = tag
            if tag == "script":
                self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data
        elif self._inside == "style":
            self.styles.append(data)
        else:
            self.text += f" {data}"

    @property
    def words(self) -> str:
        """The text with single spaces."""
        return re.sub(r"\s+", " ", self.text)

    @property
    def policy(self) -> dict[str, list[str]]:
        """The security policy: directive -> values."""
        content = next(
            a["content"]
            for tag, a in self.elements
            if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
        )
        return {name: values for name, *values in (part.split() for part in (content or "").split(";"))}

    @property
    def payload(self) -> dict:
        """What the page's scripts draw."""
        return json.loads(next(text for attributes, text in self.scripts if attributes.get("id") == "payload"))

    def named(self, name: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for tag, attributes in self.elements if tag == name]

    def classed(self, class_: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this class."""
        return [a for _, a in self.elements if class_ in (a.get("class") or "").split()]


def digest(text: str) -> str:
    """A script's or style's hash as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def unpack(text: str) -> np.ndarray:
    """An array of the payload."""
    kind = {"f4": "<f4", "i4": "<i4", "u2": "<u2"}[text[:2]]
    return np.frombuffer(base64.b64decode(text[3:]), kind)
