"""Summary: a run in one row: what it is, where it stands, its scores beside floors, its verdicts; and its log."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kinfolk.compare import table
from kinfolk.core.errors import RequestError
from kinfolk.explore import maps
from kinfolk.explore.shelf import CEILING, FLOORS, Shown
from kinfolk.records import recipe
from kinfolk.records.findings import Finding

ROWS = 5000
VALUES = 20_000


def row(shown: Shown) -> dict[str, Any]:
    """One run as the list has it."""
    asked = read_recipe(shown)
    parts, problem = shown.parts, shown.problem
    first = next(iter(parts.values()), None)
    epochs = [entry["epoch"] for entry in shown.log if "epoch" in entry]
    return {
        "key": shown.key, "name": shown.name, "path": str(shown.place), "state": shown.state,
        "data": first.features.dataset if first else Path(named(asked, "data") or "").name or None,
        "method": named(asked, "method"), "encoder": named(asked, "encoder"), "seed": asked.get("seed"),
        "epochs": (asked.get("train") or {}).get("epochs"), "epoch": max(epochs, default=None),
        "splits": [
            {"split": role, "name": part.features.split, "images": len(part),
             "size": part.images.size if part.images else None}
            for role, part in parts.items()
        ],
        "classes": list(first.classes) if first else [],
        "features": {"dimensions": int(first.vectors.shape[1])} if first else None,
        "can_search": shown.encode is not None, "problem": problem or None,
        "scores": scores(shown.findings, shown.own), "verdicts": verdicts(shown.findings), "maps": maps.offered(shown),
    }


def whole(shown: Shown) -> dict[str, Any]:
    """One run with its recipe and environment."""
    return {**row(shown), "recipe": read_recipe(shown), "environment": card(shown, "environment.json")}


def read_recipe(shown: Shown) -> dict[str, Any]:
    """The recipe as plain values, as far as there is one; that of a folder of findings stands in ``subject.json``."""
    place = shown.place / "recipe.toml"
    try:
        found = recipe.read(place) if place.is_file() else card(shown, "subject.json").get("recipe")
    except RequestError:
        return {}
    return dict(found) if isinstance(found, dict) else {}


def card(shown: Shown, name: str) -> dict[str, Any]:
    """A small JSON file of the folder; empty where it is not there or damaged."""
    try:
        found = json.loads((shown.place / name).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def named(asked: dict[str, Any], section: str) -> str | None:
    """The name that a section of a recipe gives."""
    found = asked.get(section)
    return str(found["name"]) if isinstance(found, dict) and "name" in found else None


def scores(found: Iterable[Finding], own: str) -> list[dict[str, Any]]:
    """The scores, those of the run first in each row, then floors and ceiling."""
    subjects, rows = table(found)
    order = sorted(range(len(subjects)), key=lambda i: kind(subjects[i], own) != "run")
    return [
        {
            "name": line.name, "detail": line.detail, "unit": line.unit,
            "title": next(c.title for c in line.cells if c is not None) or line.name,
            "higher_is_better": next(c.higher_is_better for c in line.cells if c is not None),
            "cells": [{"subject": subjects[i], "kind": kind(subjects[i], own), **figures(line.cells[i])}
                      for i in order if line.cells[i] is not None],
        }
        for line in rows
    ]


def kind(subject: str, own: str) -> str:
    """Whether a subject is the run, a floor or a ceiling."""
    if subject == own:
        return "run"
    return "ceiling" if subject.startswith(CEILING) else "floor" if subject in FLOORS else "run"


def figures(finding: Finding | None) -> dict[str, float | None]:
    """Value and interval; what is not finite is none."""
    each = {name: getattr(finding, name, None) for name in ("value", "low", "high")}
    return {name: value if value is not None and math.isfinite(value) else None for name, value in each.items()}


def verdicts(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """What the diagnosis says, with its evidence."""
    return [
        {
            "name": f.name, "title": f.title or f.name, "subject": f.subject, "text": f.text,
            "verdict": str(f.data.get("verdict", "")), "advice": str(f.data.get("advice", "")),
            "evidence": [e for e in f.data.get("evidence", []) if isinstance(e, dict)],
        }
        for f in found if f.kind == "verdict"
    ]


def all_findings(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as JSON values; the image numbers of sheets with them."""
    listed = []
    for finding in found:
        plain = finding.plain()
        if finding.kind == "gallery":
            small = {k: v for k, v in finding.arrays.items() if k != "pictures" and v.size <= VALUES}
            plain["values"] = {name: values.tolist() for name, values in small.items()}
        listed.append(plain)
    return listed


def log(shown: Shown, after: int) -> dict[str, Any]:
    """The rows of the log behind step ``after``, evenly thinned to 5,000."""
    rows = shown.log
    new = [entry for entry in rows if entry.get("step", 0) > after]
    steps = thinned([entry for entry in new if "terms" in entry])
    train = read_recipe(shown).get("train")
    return {
        "state": shown.state, "epochs": train.get("epochs") if isinstance(train, dict) else None,
        "step": max((entry.get("step", 0) for entry in rows), default=-1),
        "rows": [{"epoch": e.get("epoch"), "step": e.get("step"), "total": e.get("total"), "terms": e["terms"]}
                 for e in steps],
        "validation": [{"epoch": e.get("epoch"), "step": e.get("step"), **e["validation"]}
                       for e in new if isinstance(e.get("validation"), dict)],
        "watch": [{"epoch": e.get("epoch"), "step": e.get("step"), **e["watch"]}
                  for e in new if isinstance(e.get("watch"), dict)],
    }


def thinned(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most ``ROWS`` rows, evenly spaced, the last among them."""
    if len(rows) <= ROWS:
        return list(rows)
    return [rows[round(i * (len(rows) - 1) / (ROWS - 1))] for i in range(ROWS)]
