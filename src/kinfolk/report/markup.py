"""Markup: HTML built from calls, in which every plain text is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable

VOID = frozenset({"br", "hr", "img", "meta", "link", "input"})


class Markup(str):
    """Text that is already HTML and may stand in a page as it is."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """One element: ``tag("a", "text", href="#top", class_="quiet")``.

    Children are texts (escaped), Markup (kept), nested lists of both, or None. Attributes that are None or
    False are left out, True stands alone; a trailing underscore is dropped and inner ones become hyphens.
    """
    shown = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{html.escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Markup(f"<{name}{shown}>")
    return Markup(f"<{name}{shown}>{join(children)}</{name}>")


def join(children: Iterable[object]) -> Markup:
    """Put texts and elements one after the other, escaping what is not Markup."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(html.escape(child))
        elif isinstance(child, Iterable):
            parts.append(join(child))
        else:
            parts.append(html.escape(str(child)))
    return Markup("".join(parts))


def grid(
    header: Iterable[object], rows: Iterable[Iterable[object]], label: str, caption: str = "", class_: str = ""
) -> Markup:
    """A table whose first column names its rows, in a box that scrolls sideways where it is narrow.

    Cells are children of ``tag``, or whole ``td`` elements. ``label`` is what a screen reader says, ``caption``
    what stands above.
    """
    head = tag("tr", [tag("th", cell, scope="col") for cell in header])
    body = []
    for first, *rest in rows:
        body.append(tag("tr", tag("th", first, scope="row"), [_cell(cell) for cell in rest]))
    title = tag("caption", caption) if caption else None
    table = tag("table", title, tag("thead", head), tag("tbody", body), class_=class_ or None)
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)


def _cell(child: object) -> Markup:
    return child if isinstance(child, Markup) and child.startswith("<td") else tag("td", child)
