"""Commands `kinfolk study` and `kinfolk compare`: their flags and what they print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

Only = Annotated[str, typer.Option(help="Only these variants, and those they need.")]


def study(
    name: Annotated[str, typer.Argument(help="A shipped study's name, or a TOML file.")],
    out: Annotated[Path, typer.Option(help="The study's folder: runs, tables, report.")],
    scale: Annotated[str, typer.Option(help="One of the study's scales; laptop by default.")] = "",
    seeds: Annotated[str, typer.Option(help="Such as 0,1,2; the study's own by default.")] = "",
    only: Only = "",
    jobs: Annotated[str, typer.Option(help="Runs at once, each with its share of the CPUs.")] = "1",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print plan, commands and time; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON; run nothing.")] = False,
    set_: Annotated[list[str], typer.Option("--set", help="Change a setting in all variants.")] = [],  # noqa: B006
) -> None:
    """Train and measure every variant that is missing, seed by seed; compare them, judge the claims, write a report."""
    from kinfolk.core.config import Setting
    from kinfolk.study.whole import plan_only
    from kinfolk.study.whole import study as carry_out

    at_once = Setting("--jobs", "int", 1, interval="[1, 64]").check(jobs)
    asked: dict[str, Any] = {"scale": scale, "seeds": seeds, "only": listed(only), "pairs": set_, "jobs": at_once}
    if dry_run or as_json:
        typer.echo(plan_only(name, out, **asked, as_json=as_json))
    else:
        sys.exit(carry_out(name, out, **asked))


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, folders of runs, or a study's folder.")],
    base: Annotated[str, typer.Option(help="The variant that the others are compared to; the first by default.")] = "",
    only: Annotated[str, typer.Option(help="Scores to show, such as knn,linear_probe.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write to this .csv, .md or .json file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")] = False,
) -> None:
    """Put runs side by side: means over seeds with intervals, differences to the base, ranks, and what they cost."""
    from kinfolk.compare.frame import compared
    from kinfolk.compare.show import show
    from kinfolk.core import files

    outcome = compared(runs, base, listed(only))
    if out:
        files.write_text(out, outcome.text(out.suffix))
    if as_json:
        typer.echo(outcome.text(".json"), nl=False)
    else:
        show(outcome)


def listed(text: str) -> tuple[str, ...]:
    """The names of ``--only knn,spectrum``; a comma within brackets parts nothing."""
    names, depth = [""], 0
    for letter in text:
        depth += (letter == "[") - (letter == "]")
        if letter == "," and not depth:
            names.append("")
        else:
            names[-1] += letter
    return tuple(name.strip() for name in names if name.strip())
