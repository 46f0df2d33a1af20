"""Answer: the question, and what the findings say to it with the main figure; nothing is invented."""

from __future__ import annotations

from collections.abc import Sequence

from kinfolk.records.findings import Finding
from kinfolk.report import figures, score, verdict
from kinfolk.report.columns import Column, Question
from kinfolk.report.markup import Markup, join, tag
from kinfolk.report.material import Material


def show(runs: Sequence[Material], scores: Sequence[Question], verdicts: Sequence[Question]) -> Markup:
    """The question, a card with the main figure of every run, and what it means."""
    main = score.main_question(scores)
    found = [column for question in [main] if question for column in question.runs]
    cards = [_card(column, main) for column in found if main]
    silent = [run.name for run in runs if run not in [c.run for c in found]]
    return join(
        [
            tag("p", question(runs, main), class_="question"),
            tag("div", cards, class_="side cards") if cards else None,
            tag("p", ranking(main)) if main and len(main.runs) > 1 else None,
            tag("p", f"No score yet for {', '.join(silent)}: run kinfolk evaluate on it.")
            if silent
            else None,
            [tag("p", _diagnosed(q)) for q in verdicts],
            tag("p", noise(runs), class_="hint") if cards else None,
        ]
    )


def question(runs: Sequence[Material], main: Question | None) -> str:
    """What the report answers, as far as its findings allow."""
    names = ", ".join(dict.fromkeys(run.dataset for run in runs))
    if main is None:
        return f"What was learned from {names}?"
    if any(c.floor for c in main.answers):
        return f"How much better do learned features tell the images of {names} apart than untrained ones?"
    return f"How well do learned features tell the images of {names} apart?"


def trained(run: Material) -> str:
    """``convnet trained by simclr on cifar10 for 3 epochs``, from the recipe alone."""
    encoder, method, epochs = (
        run.get("encoder", "name"),
        run.get("method", "name"),
        run.get("train", "epochs"),
    )
    if not (encoder and method):
        return ""
    length = f" for {epochs} epoch{'' if epochs == 1 else 's'}" if epochs else ""
    return f"{encoder} trained by {method} on {run.dataset}{length}{cost(run)}"


def cost(run: Material) -> str:
    """``, 3.8 minutes at 1,400 images a second``, from the speed that was logged."""
    seconds = sum(row.get("seconds") or 0 for row in run.speed)
    rates = sorted(row["images_per_second"] for row in run.speed if row.get("images_per_second"))
    if not seconds:
        return ""
    length = f"{seconds / 60:.1f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
    return f", {length}" + (
        f" at {figures.plain(round(rates[len(rates) // 2]))} images a second" if rates else ""
    )


def _card(column: Column, main: Question) -> Markup:
    finding = main.answers[column]
    interval = figures.interval(finding)
    return tag(
        "article",
        tag("p", column.label, class_="who"),
        tag("p", figures.value(finding.value, finding.unit), class_="figure"),
        tag(
            "p",
            f"{main.title} on {main.split}" + (f", 95 % interval {interval}" if interval else ""),
            class_="hint",
        ),
        tag("p", against_floor(column, main)),
        tag("p", text.capitalize() if text.islower() else text, ".")
        if (text := trained(column.run))
        else None,
        class_="card",
    )


def against_floor(column: Column, main: Question) -> str:
    """The distance to the best floor, and whether it is more than noise."""
    finding, floor = main.answers[column], main.best_floor(column.run)
    if floor is None:
        return "No floor was measured beside it."
    other, value = floor
    shown = f"the best floor, {other.label} ({figures.value(value.value, value.unit)})"
    overlap = figures.overlap(finding, value)
    if overlap:
        return f"Equal to {shown} within noise: the intervals overlap."
    word = "better" if figures.better(finding, value) else "worse"
    carried = (
        "; the intervals do not overlap" if overlap is False else "; how much of it is noise is not known"
    )
    return f"{figures.apart(finding, value)} {word} than {shown}{carried}."


def ranking(main: Question) -> str:
    """The best run, and how far the others lie behind it."""
    known = {c: f for c, f in main.runs.items() if f.value is not None}
    if len(known) < 2 or main.first.higher_is_better is None:
        return ""
    first, *rest = sorted(
        known.items(), key=lambda pair: pair[1].value or 0.0, reverse=bool(main.first.higher_is_better)
    )
    return (
        f"{main.title}: {first[0].label} is best; " + "; ".join(_behind(first, other) for other in rest) + "."
    )


def _behind(first: tuple[Column, Finding], other: tuple[Column, Finding]) -> str:
    if figures.overlap(first[1], other[1]):
        return f"{other[0].label} equals it within the noise of the test set"
    return f"{other[0].label} is {figures.apart(first[1], other[1])} worse"


def _diagnosed(question: Question) -> Markup:
    found = ", ".join(f"{verdict.name_of(f)} ({c.label})" for c, f in question.runs.items())
    return join([tag("strong", f"{question.title}: "), found, "."]) if found else join([])


def noise(runs: Sequence[Material]) -> str:
    """What the intervals cover: with one seed of a recipe, nothing is known of the noise of training."""
    recipes = [repr({**run.recipe, "seed": None}) for run in runs]
    if all(recipes.count(r) == 1 for r in recipes):
        return (
            "Intervals cover the noise of the test set. There is one seed of each recipe, so nothing is known "
            "of the noise of training."
        )
    return (
        "Intervals cover the noise of the test set, not that of training: compare seeds of a recipe for that."
    )
