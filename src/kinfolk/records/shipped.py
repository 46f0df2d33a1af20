"""Shipped: what comes with kinfolk, leaves and recipes, and what the comments at the top of a recipe say."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinfolk.core import config, registry
from kinfolk.core.errors import unknown

FOLDER = registry.PACKAGE / "recipes"
KINDS = (*registry.CATALOGUES, "recipes")
FIELDS = ("Paper", "Command", "Cost", "Result")


@dataclass(frozen=True)
class Header:
    """The comments before the first section of a recipe: one line that sums it up, then ``Paper: ...`` and so on."""

    summary: str
    fields: dict[str, str]


def recipes() -> dict[str, Path]:
    """The shipped recipes by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def recipe(name: str) -> Path:
    """The file of a shipped recipe.

    Raises:
        RequestError: there is none of that name; the message says which there are.
    """
    known = recipes()
    if name not in known:
        raise unknown("recipe", name, known)
    return known[name]


def header(path: Path) -> Header:
    """Read the header of a recipe; a line that begins with none of ``FIELDS`` goes on with the one before."""
    summary, fields, last = "", dict[str, str](), ""
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            break
        text = line.lstrip("#").strip()
        name, colon, rest = text.partition(":")
        if colon and name in FIELDS:
            last = name
            fields[last] = rest.strip()
        elif last:
            fields[last] = f"{fields[last]} {text}".strip()
        else:
            summary = f"{summary} {text}".strip()
    return Header(summary, fields)


def listed(kind: str) -> list[dict[str, Any]]:
    """What there is of one kind, as ``kinfolk list`` prints it; a recipe has the settings of the leaves it names.

    A published dataset also has its ``card``: images, classes, size, source, licence, and files with checksums.

    Raises:
        RequestError: there is no such kind.
    """
    if kind not in KINDS:
        raise unknown("catalogue", kind, KINDS)
    if kind == "recipes":
        return [
            {"kind": kind, "name": name, "summary": header(path).summary, "settings": []}
            for name, path in recipes().items()
        ]
    return [
        {"kind": kind, "name": leaf.name, "summary": leaf.summary, "settings": [vars(s) for s in leaf.settings]}
        | ({"card": card(leaf)} if leaf.declares("card") else {})
        for leaf in registry.leaves(kind).values()
    ]


def card(leaf: registry.Leaf) -> dict[str, Any]:
    """What is known of a published dataset, read from its source: listing imports nothing."""
    tree = config.parsed(leaf.source)
    names = {
        node.targets[0].id: node.value.value for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }

    def text(node: ast.expr) -> str:
        if isinstance(node, ast.BinOp):
            return text(node.left) + text(node.right)
        return str(names[node.id] if isinstance(node, ast.Name) else ast.literal_eval(node))

    files = [
        {"url": text(node.args[0]), "md5": "", "sha256": "", **{str(k.arg): text(k.value) for k in node.keywords}}
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Download"
    ]
    return {**leaf.declares("card"), "files": files}
