"""Carry: a plan carried out: what is missing is trained and measured, several runs at once if asked."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

from kinfolk.core import files
from kinfolk.core.errors import KinfolkError, WorkError
from kinfolk.core.lines import duration
from kinfolk.study import steps
from kinfolk.study.plan import Job
from kinfolk.study.run import MEASURED, Prepared, Say, card
from kinfolk.study.worker import Call, Worker


@dataclass
class Turn:
    """A job that a worker has in hand, and its calls that are still to come."""

    job: Job
    calls: Iterator[Call]


def carry_out(prepared: Prepared, workers: Sequence[Worker], say: Say) -> dict[str, KinfolkError]:
    """Train and measure what is missing; return {job: why it failed}. What is finished is left alone.

    Each worker takes the first job whose needs are met, so that with one worker the plan's order is kept.
    """
    failed: dict[str, KinfolkError] = {}

    def fails(name: str, error: KinfolkError) -> None:
        failed[name] = error
        note(prepared.out, name, error, say)

    for name, error in prepared.refused.items():
        fails(name, error)
    waiting = [job for job in prepared.jobs if not prepared.measured(job)]
    idle, busy = list(workers), dict[Worker, Turn]()
    while waiting or busy:
        while idle and (job := ready(waiting, [turn.job for turn in busy.values()])):
            place = f"[{len(prepared.jobs) - len(waiting) + 1}/{len(prepared.jobs)}]"
            left = remaining(prepared, [*(turn.job for turn in busy.values()), *waiting], len(workers))
            say(f"{place} {job.variant.name}, seed {job.seed}; {left}")
            waiting.remove(job)
            if job.needs in failed:
                fails(job.name, WorkError(f"it needs {job.needs}, which failed."))
                continue
            busy[worker := idle.pop(0)] = turn = Turn(job, calls(prepared, job))
            worker.begin(*next(turn.calls), label=job.name)
        for worker in answered(busy):
            turn = busy.pop(worker)
            try:
                worker.answer()
                worker.begin(*next(turn.calls), label=turn.job.name)
                busy[worker] = turn
            except StopIteration:
                idle.append(worker)
            except KinfolkError as error:
                fails(turn.job.name, error)
                idle.append(worker)
    return failed


def ready(waiting: Sequence[Job], begun: Sequence[Job]) -> Job | None:
    """The first job that waits for no other."""
    unfinished = {job.name for job in (*waiting, *begun)}
    return next((job for job in waiting if job.needs not in unfinished), None)


def answered(busy: dict[Worker, Turn]) -> list[Worker]:
    """The workers that have something to say, once there is one."""
    pipes = wait([worker.pipe for worker in busy if worker.pipe]) if busy else []
    return [worker for worker in busy if worker.pipe in pipes]


def note(out: Path, name: str, error: KinfolkError, say: Say) -> None:
    """Say what failed; where it is no message of kinfolk's own, its traceback goes to ``failures/NAME.txt``."""
    say(f"failed: {name}: {error}")
    if getattr(error, "__notes__", []):
        files.write_text(out / "failures" / f"{name}.txt", "\n".join(error.__notes__))


def calls(prepared: Prepared, job: Job) -> Iterator[Call]:
    """What a worker does for one run: the index it needs, training, measuring; each only if it is missing."""
    if job.index and not job.index.file.exists():
        yield steps.neighbours, (prepared.out / "runs" / job.needs, job.index)
    if not job.run.finished:
        yield steps.train, (job.recipe, job.folder, prepared.study.keep, prepared.study.watch)
    began, asked = time.monotonic(), prepared.asked(job.seed)
    yield steps.evaluate, (job.folder, asked)
    kept = {"asked": asked, "seconds": time.monotonic() - began}
    files.write_text(job.folder / MEASURED, json.dumps(kept, indent=1) + "\n")
    (prepared.out / "failures" / f"{job.name}.txt").unlink(missing_ok=True)


def remaining(prepared: Prepared, left: Sequence[Job], at_once: int = 1) -> str:
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
        return f"about {duration(training / at_once)} left, and the time to measure {len(left)} runs"
    each = {first: statistics.median_low(spent[first] or spent[not first]) for first in spent}
    return f"about {duration((training + sum(each[job.seed == prepared.first] for job in left)) / at_once)} left"
