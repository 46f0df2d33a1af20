"""Run: carries a plan out: trains and measures what is missing, says how far it is, compares, and writes the report."""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kinfolk.compare.frame import Frame, Outcome, compared
from kinfolk.core import files
from kinfolk.core.errors import KinfolkError, RequestError, WorkError
from kinfolk.records.recipe import Recipe
from kinfolk.study import plan, steps
from kinfolk.study.definition import Study
from kinfolk.study.plan import Job
from kinfolk.study.worker import Worker

MEASURED = "measured.json"
COSTS = "costs.json"
Say = Callable[[str], None]


@dataclass
class Prepared:
    """A plan, what its steps were measured to take, and the variants that cannot be carried out, with the reason.

    Attributes:
        first: the seed whose runs are measured beside the floors, and by what is asked for once.
    """

    study: Study
    out: Path
    jobs: list[Job]
    costs: dict[str, dict[str, Any]]
    refused: dict[str, KinfolkError]
    first: int

    def asked(self, seed: int) -> dict[str, Any]:
        """What the runs of a seed are measured by; floors and what is asked for once go with the first seed alone."""
        wanted, first = self.study.evaluate, seed == self.first
        named = {key: plan.expanded(wanted[key]) for key in ("ood", "anomalies")}
        only = [name for name in wanted["only"] if first or name not in wanted["once"]]
        if first:
            only += [name for name in wanted["once"] if name not in only]
        return {"only": only, **named, "floors": wanted["floors"] and first}

    def seconds(self, job: Job) -> float:
        """Training time by the measured steps; 0 where it is finished."""
        known = self.costs[job.variant.name]
        return 0.0 if job.run.finished else job.recipe.train.epochs * known["epoch"] * known["seconds"]

    def measured(self, job: Job) -> bool:
        """Whether the run has been measured as the study asks."""
        kept = card(job.folder / MEASURED)
        return job.run.finished and kept.get("asked") == self.asked(job.seed)


def prepare(
    study: Study, out: Path, worker: Worker, seeds: Sequence[int], only: Sequence[str], say: Say, *, keep: bool
) -> Prepared:
    """Check every variant, measure three steps of each, and plan; with ``keep`` the measures are stored in ``out``.

    Raises:
        RequestError: a variant's settings are refused, none can be carried out, or a folder holds another run.
    """
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise RequestError("a study runs in one process; give torchrun the single runs.")
    names = plan.ordered(study, [v.name for v in plan.chosen(study, only)])
    budgets = [study.variant(v.to or "base").name for name in names if (v := study.variant(name)).equal]
    probes = {name: plan.probe(study, study.variant(name)) for name in dict.fromkeys([*names, *budgets])}
    costs, refused = measure(probes, out, worker, say, keep=keep)
    for name in names:
        to = study.variant(study.variant(name).to or "base").name
        if study.variant(name).equal and to in refused:
            refused.setdefault(name, WorkError(f"its budget is that of '{to}', which cannot be measured."))
    if not any(name in costs for name in names):
        raise next(iter(refused.values()))
    wanted = [name for name in names if name not in refused]
    planned = [j for j in plan.jobs(study, out, seeds, wanted, costs) if j.variant.name not in refused]
    plan.refuse_others(planned)
    made = Prepared(study, out, [plan.settled(j) for j in planned], costs, refused, first_of(study, out, seeds))
    made.asked(seeds[0])
    return made


def first_of(study: Study, out: Path, seeds: Sequence[int]) -> int:
    """The study's first seed where it is asked for or has been measured, else the first that is asked for."""
    usual = study.seeds[0]
    return usual if usual in seeds or any(out.glob(f"runs/*-seed{usual}/{MEASURED}")) else seeds[0]


def measure(
    probes: Mapping[str, Recipe], out: Path, worker: Worker, say: Say, *, keep: bool
) -> tuple[dict[str, dict[str, Any]], dict[str, KinfolkError]]:
    """The cost of every recipe, taken from ``out`` where it was measured before; and why some cannot be carried out."""
    stored = card(out / COSTS)
    costs: dict[str, dict[str, Any]] = {}
    refused: dict[str, KinfolkError] = {}
    for name, recipe in probes.items():
        key = digest(recipe)
        if key not in stored:
            say(f"measuring three steps of {name}")
            try:
                stored[key] = worker(steps.cost, recipe)
            except KinfolkError as error:
                refused[name] = error
                continue
        costs[name] = stored[key]
    if keep and costs:
        files.write_text(out / COSTS, json.dumps(stored, indent=1) + "\n")
    return costs, refused


def digest(recipe: Recipe) -> str:
    """A short name for a recipe but for its seed."""
    return hashlib.blake2b(replace(recipe, seed=0).text().encode(), digest_size=8).hexdigest()


def card(path: Path) -> dict[str, Any]:
    """A JSON file, or nothing."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found


def carry_out(prepared: Prepared, worker: Worker, say: Say) -> dict[str, KinfolkError]:
    """Train and measure what is missing, in order; return {job: why it failed}. What is finished is left alone."""
    failed = dict(prepared.refused)
    for name, error in failed.items():
        note(prepared.out, name, error, say)
    left = [job for job in prepared.jobs if not prepared.measured(job)]
    done = len(prepared.jobs) - len(left)
    for i, job in enumerate(left):
        place = f"[{done + i + 1}/{len(prepared.jobs)}]"
        say(f"{place} {job.variant.name}, seed {job.seed}; {remaining(prepared, left[i:])}")
        try:
            if job.needs in failed:
                raise WorkError(f"it needs {job.needs}, which failed.")
            one(prepared, job, worker)
        except KinfolkError as error:
            failed[job.name] = error
            note(prepared.out, job.name, error, say)
    return failed


def note(out: Path, name: str, error: KinfolkError, say: Say) -> None:
    """Say what failed; where it is no message of kinfolk's own, its traceback goes to ``failures/NAME.txt``."""
    say(f"failed: {name}: {error}")
    if getattr(error, "__notes__", []):
        files.write_text(out / "failures" / f"{name}.txt", "\n".join(error.__notes__))


def one(prepared: Prepared, job: Job, worker: Worker) -> None:
    """One run: the index it needs, training, measuring; each only if it is missing."""
    if job.index and not job.index.file.exists():
        find_neighbours(job.index, prepared.out / "runs" / job.needs)
    if not job.run.finished:
        worker(steps.train, job.recipe, job.folder, prepared.study.keep, prepared.study.watch)
    began, asked = time.monotonic(), prepared.asked(job.seed)
    worker(steps.evaluate, job.folder, asked)
    kept = {"asked": asked, "seconds": time.monotonic() - began}
    files.write_text(job.folder / MEASURED, json.dumps(kept, indent=1) + "\n")
    (prepared.out / "failures" / f"{job.name}.txt").unlink(missing_ok=True)


def find_neighbours(index: plan.Index, run: Path) -> None:
    """Make an index by the ``neighbours`` command, in a process of its own.

    Raises:
        WorkError: it failed; the message is the command's.
    """
    done = subprocess.run([sys.executable, "-m", "kinfolk", *index.command(run)], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise WorkError(f"no neighbours of {run.name}: {said[-1] if said else f'exit status {done.returncode}'}")


def remaining(prepared: Prepared, left: Sequence[Job]) -> str:
    """The time left, from measured steps corrected by the runs that are finished, and from evaluations so far."""
    ended = [job for job in prepared.jobs if job.run.finished]
    took = sum(float(row["seconds"]) for job in ended for row in job.run.speed)
    foreseen = sum(
        job.recipe.train.epochs * known["epoch"] * known["seconds"]
        for job in ended if (known := prepared.costs[job.variant.name])
    )
    training = sum(prepared.seconds(job) for job in left) * (took / foreseen if took and foreseen else 1.0)
    spent: dict[bool, list[float]] = {True: [], False: []}
    for job in prepared.jobs:
        if kept := card(job.folder / MEASURED):
            spent[job.seed == prepared.first].append(float(kept["seconds"]))
    if not any(spent.values()):
        return f"about {duration(training)} left, and the time to measure {len(left)} runs"
    each = {first: statistics.median_low(spent[first] or spent[not first]) for first in spent}
    return f"about {duration(training + sum(each[job.seed == prepared.first] for job in left))} left"


def duration(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def frame(study: Study, command: Sequence[str]) -> Frame:
    """What the comparison must know of the study; ``command`` carries it out again."""
    about = {
        "name": study.name, "question": study.question, "scale": study.scale,
        "substitutes": list(study.substitutes), "command": list(command),
    }
    reported = {(v.name, score): float(value) for v in study.variants for score, value in v.reported.items()}
    return Frame(about, {v.name: v.says for v in study.variants}, reported, study.claims)


def conclude(prepared: Prepared, command: Sequence[str], say: Say) -> Outcome:
    """Write ``table.csv``, ``table.md``, ``table.json`` and ``report.html`` from the runs that are measured.

    Raises:
        RequestError: none is measured yet.
    """
    out = prepared.out
    frame(prepared.study, command).save(out)
    outcome = compared([out])
    for suffix in (".csv", ".md", ".json"):
        files.write_text(out / f"table{suffix}", outcome.text(suffix))
    from kinfolk.report.write import write_study

    try:
        write_study(outcome, out, out / "report.html")
    except KinfolkError as error:
        say(f"no report.html: {error}")
    return outcome


def commands(prepared: Prepared, named: str, arguments: Sequence[str]) -> list[dict[str, Any]]:
    """The plan for another scheduler: every run that is missing, its command, and the run it needs first."""
    return [
        {
            "run": job.name,
            "variant": job.variant.name,
            "seed": job.seed,
            "folder": str(job.folder),
            "command": [
                "kinfolk", "study", named, "--out", str(prepared.out), *arguments,
                "--only", job.variant.name, "--seeds", str(job.seed),
            ],
            "needs": [job.needs] if job.needs else [],
            "state": "finished" if prepared.measured(job) else "begun" if job.run.exists else "missing",
            "epochs": job.recipe.train.epochs,
            "seconds": prepared.seconds(job),
            "recipe": job.recipe.plain(),
        }
        for job in prepared.jobs
    ]
