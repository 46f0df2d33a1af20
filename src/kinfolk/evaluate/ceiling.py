"""Ceiling: the supervised run that others are held against, named by the user or found beside a run."""

from __future__ import annotations

from dataclasses import replace

from kinfolk.core import registry
from kinfolk.core.errors import KinfolkError, RequestError
from kinfolk.load.images import APART
from kinfolk.records.run import Run

PREFIX = "ceiling: "
NONE = "none"


def chosen(named: str, run: Run | None) -> Run | None:
    """The ceiling that was named, none for ``none``, and for an empty text the one beside ``run``, if there is one."""
    if named == NONE:
        return None
    return at(named) if named else beside(run) if run else None


def at(folder: str) -> Run:
    """The run that ``--ceiling`` names.

    Raises:
        RequestError: it is no run, is not finished, or was trained without labels.
    """
    run = Run.at(folder)
    if not run.finished:
        raise RequestError(f"--ceiling {folder}: its training has not finished.")
    if not labelled(run):
        method = run.recipe.method.name
        raise RequestError(f"--ceiling {folder}: '{method}' trains without labels; a ceiling is a supervised run.")
    return run


def beside(run: Run) -> Run | None:
    """The finished supervised run in the same folder of runs, on the same data with the same encoder, or None.

    Beside a run on unlabelled images it is one on their dataset's labelled split. Of several it is the one that
    trained for most epochs, then the first by name.
    """
    own, found = run.recipe, []
    if labelled(run):
        return None
    for folder in sorted(run.folder.resolve().parent.iterdir()):
        other = Run(folder)
        if folder == run.folder.resolve() or not other.finished:
            continue
        try:
            recipe = other.recipe
            data = replace(recipe.data, split=own.data.split) if own.data.split in APART else recipe.data
            if (data, recipe.encoder, recipe.evaluate) == (own.data, own.encoder, own.evaluate):
                found += [other] if labelled(other) else []
        except KinfolkError:
            continue
    return max(found, key=lambda other: other.recipe.train.epochs, default=None)


def labelled(run: Run) -> bool:
    """Whether a run's method was given labels."""
    return "labels" in registry.leaf("methods", run.recipe.method.name).open().uses


def name(run: Run) -> str:
    """The subject of its findings."""
    return f"{PREFIX}{run.name}"
