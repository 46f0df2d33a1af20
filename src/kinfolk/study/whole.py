"""Whole: a study from its name to its table, or to a plan alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from kinfolk.compare.show import show
from kinfolk.core import config
from kinfolk.core.errors import RequestError
from kinfolk.core.lines import duration, interrupted, say
from kinfolk.study.carry import carry_out, remaining
from kinfolk.study.definition import Study, read
from kinfolk.study.run import Prepared, commands, conclude, prepare
from kinfolk.study.worker import Worker


def study(
    named: str, out: Path, *, scale: str, seeds: str, only: Sequence[str], pairs: Sequence[str], jobs: int
) -> int:
    """Carry a study out; return 0, or 1 where a run failed: the table has the rest, the same command tries it again.

    ``jobs`` runs are trained and measured at once, each with its share of the CPUs.

    Raises:
        RequestError: the study or a setting is refused; nothing was written.
    """
    asked = read(named, scale, pairs)
    workers = [Worker(jobs) for _ in range(jobs)]
    try:
        prepared = prepare(asked, out, workers[0], chosen_seeds(asked, seeds), only, say, keep=True)
        say(f"{asked.question}\n{summary(prepared, jobs)} -> {out}")
        failed = carry_out(prepared, workers, say)
    except KeyboardInterrupt:
        interrupted()
        return 130
    finally:
        for worker in workers:
            worker.close()
    if not any(prepared.measured(job) for job in prepared.jobs):
        say("kinfolk: no run could be trained and measured, so there is no table.")
        return 1
    command = ["kinfolk", "study", named, "--out", str(out), *flags(scale, pairs)]
    show(conclude(prepared, command, say))
    print(f"tables: {out / 'table.md'}, .csv, .json; report: {(out / 'report.html').resolve()}")
    if failed:
        say(f"failed: {', '.join(failed)} (why is above). The table has the rest; the same command tries again.")
    return 1 if failed else 0


def plan_only(
    named: str, out: Path, *, scale: str, seeds: str, only: Sequence[str], pairs: Sequence[str], jobs: int,
    as_json: bool,
) -> str:
    """The plan as text for people or as JSON; three steps of each variant are measured, and nothing is written."""
    asked = read(named, scale, pairs)
    worker = Worker(jobs)
    try:
        prepared = prepare(asked, out, worker, chosen_seeds(asked, seeds), only, say, keep=False)
    finally:
        worker.close()
    rows = commands(prepared, named, flags(scale, pairs))
    if as_json:
        return json.dumps(rows, indent=1)
    lines = [asked.question, *asked.substitutes, summary(prepared, jobs)]
    for row in rows:
        state = duration(row["seconds"]) if row["state"] != "finished" else "finished"
        after = f", after {row['needs'][0]}" if row["needs"] else ""
        lines += [f"{row['run']}: epochs {row['epochs']}, {state}{after}", f"  {shlex.join(row['command'])}"]
    return "\n".join([*lines, *(f"refused: {name}: {error}" for name, error in prepared.refused.items())])


def flags(scale: str, pairs: Sequence[str]) -> list[str]:
    """The flags that say what every run of a study is."""
    return [*(["--scale", scale] if scale else []), *(part for pair in pairs for part in ("--set", pair))]


def summary(prepared: Prepared, jobs: int) -> str:
    """How many runs there are, how many are finished, and how long what is left should take."""
    left = [job for job in prepared.jobs if not prepared.measured(job)]
    names = len({job.variant.name for job in prepared.jobs})
    scale = f", scale {prepared.study.scale}" if prepared.study.scale else ""
    done = len(prepared.jobs) - len(left)
    finished = f", {done} of them finished" if done else ""
    return f"{names} variants, {len(prepared.jobs)} runs{finished}{scale}: {remaining(prepared, left, jobs)}"


def chosen_seeds(asked: Study, text: str) -> list[int]:
    """The seeds of ``--seeds 0,1,2``, or the study's own.

    Raises:
        RequestError: no seeds, one twice, or not whole numbers of 0 and more.
    """
    found = config.Setting("seeds", "int[]", (), interval="[0, inf)").check(text or list(asked.seeds))
    if not found or len(set(found)) < len(found):
        raise RequestError(f"--seeds {text or list(asked.seeds)}: take each seed once, such as 0,1,2.")
    return list(found)
