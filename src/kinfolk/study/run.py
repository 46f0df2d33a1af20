"""Run: a study's plan with what its steps cost, and its end: the table, the claims and the report."""

from __future__ import annotations

import hashlib
import json
import os
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
