"""Write `docs/catalogue.md` from the leaves' own docstrings and settings: `python docs/catalogue.py [--check]`."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

from kinfolk.core import registry
from kinfolk.records import shipped

PAGE = Path(__file__).with_name("catalogue.md")


def page() -> str:
    """The page as Markdown."""
    lines = ["# Catalogue", "", "Made by `python docs/catalogue.py` from the source; `kinfolk list` prints the same."]
    for kind in registry.CATALOGUES:
        leaves = registry.leaves(kind)
        lines += ["", f"## {kind}"]
        for leaf in leaves.values():
            lines += ["", f"### {leaf.name}", ""]
            lines += (ast.get_docstring(ast.parse(leaf.source.read_text("utf-8"))) or "").splitlines()
            if leaf.declares("card"):
                lines += ["", *facts(shipped.card(leaf))]
            if leaf.settings:
                lines += ["", "| setting | default | takes | meaning |", "|---|---|---|---|"]
            for s in leaf.settings:
                lines.append(f"| `{s.name}` | `{s.default}` | {s.accepts} | {s.help} |".replace("|---", ""))
    return "\n".join(lines) + "\n"


def facts(card: dict[str, Any]) -> list[str]:
    """The card of a published dataset as lines."""
    images = ", ".join(f"{split} {count:,}" for split, count in card["images"].items())
    files = [f"- {file['url']} (md5 {file['md5']})" for file in card["files"]]
    files = files or ["- no free download: to be put into `$KINFOLK_DATA/NAME`"]
    return [f"- images: {images}; classes: {card['classes']:,}; size: {card['size']}",
            f"- source: {card['source']}", f"- licence: {card['licence']}", *files]


def main() -> int:
    if "--check" not in sys.argv:
        PAGE.write_text(page(), "utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text("utf-8") != page():
        print("docs/catalogue.md is not what the source says; run `make docs`.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
