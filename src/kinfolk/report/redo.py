"""Redo: recipe, protocol and environment of every run, and the commands that make it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kinfolk.compare.frame import Outcome
from kinfolk.records.differences import flatten
from kinfolk.report.columns import Question, words
from kinfolk.report.markup import Markup, grid, join, tag
from kinfolk.report.material import Material


def show(runs: Sequence[Material], questions: Sequence[Question]) -> Markup:
    """Commands first, then what they ran under."""
    return join(
        [
            [tag("div", tag("h3", run.name), tag("pre", "\n".join(commands(run)), tabindex="0")) for run in runs],
            _folded("Recipe", runs, [flatten(run.recipe) for run in runs]),
            _protocols(questions),
            _folded("Environment", runs, [flatten(run.environment) for run in runs]),
        ]
    )


def show_study(outcome: Outcome, runs: Sequence[Material], questions: Sequence[Question]) -> Markup:
    """The study's command, then what its runs were and ran under."""
    command = outcome.frame.about.get("command", [])
    one = [*command, "--only", outcome.comparison.variants[-1], "--seeds", "0"]
    said = f"One run alone, such as {outcome.comparison.variants[-1]} with seed 0:"
    drawn = "What is drawn above for a variant is of its run with the first seed."
    return join(
        [
            [tag("pre", shlex.join(command), tabindex="0"), tag("p", said), tag("pre", shlex.join(one), tabindex="0")]
            if command else None,
            tag("p", drawn, class_="hint"),
            _folded("Recipe", runs, [flatten(run.recipe) for run in runs]),
            _protocols(questions),
            _folded("Environment", runs, [flatten(run.environment) for run in runs]),
        ]
    )


def commands(run: Material) -> list[str]:
    """The lines that train, evaluate and report this run again, as typed where the report was written.

    A run that lies elsewhere goes by its name: no path of the machine stands in a report that may be shared.
    """
    here, place = Path.cwd().resolve(), run.folder.resolve()
    folder = shlex.quote(place.relative_to(here).as_posix() if here in place.parents else place.name)
    if run.introduced:
        return [f"kinfolk evaluate {run.asked} --out {folder}", f"kinfolk report {folder}"]
    asked = run.environment.get("command")
    train = asked if isinstance(asked, str) and asked else f"kinfolk train {folder}/recipe.toml --out {folder}-again"
    again = folder if asked else f"{folder}-again"
    return [train, f"kinfolk evaluate {again}", f"kinfolk report {again} --out report.html"]


def _folded(title: str, runs: Sequence[Material], tables: Sequence[Mapping[str, Any]]) -> Markup | None:
    keys = list(dict.fromkeys(key for table in tables for key in table))
    if not keys:
        return None
    rows = []
    for key in keys:
        cells = [_written(table.get(key, "–")) for table in tables]
        differs = len(set(cells)) > 1
        rows.append([key, *[tag("td", cell, class_="differs" if differs else None) for cell in cells]])
    caption = f"{title}; settings that differ are marked" if len(runs) > 1 else title
    return tag(
        "details",
        tag("summary", title),
        grid(["setting", *[run.name for run in runs]], rows, caption, class_="plain"),
    )


def _protocols(questions: Sequence[Question]) -> Markup | None:
    rows = []
    for question in questions:
        entries = flatten(question.first.protocol)
        said = ", ".join(f"{words(k).lower()} = {_written(v)}" for k, v in entries.items())
        rows.append([question.title, question.place, said or "–"])
    if not rows:
        return None
    table = grid(["finding", "split", "protocol"], rows, "How everything was measured", class_="plain")
    return tag("details", tag("summary", "Protocols"), table)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_written, value)) or "none"
    return str(value)
