"""Answer: the question, and what the findings say to it with the main figure; nothing is invented."""

from __future__ import annotations

from collections.abc import Sequence

from kinfolk.records.recipe import NO_ENCODER
from kinfolk.report import figures, score, verdict
from kinfolk.report.columns import Column, Question
from kinfolk.report.markup import Markup, join, tag
from kinfolk.report.material import Material


def show(runs: Sequence[Material], scores: Sequence[Question], verdicts: Sequence[Question]) -> Markup:
    """The question, a card with the main figure of every run, and what it means."""
    main = next(iter(score.headlines(scores)), None)
    found = [column for question in [main] if question for column in question.runs]
    cards = [_card(column, main) for column in found if main]
    silent = [run.name for run in runs if run not in [c.run for c in found]]
    return join(
        [
            tag("p", question(runs, main), class_="question"),
            tag("div", cards, class_="side cards") if cards else None,
            tag("p", score.ranking(main)) if main and len(main.runs) > 1 else None,
            tag("p", f"No score yet for {', '.join(silent)}: kinfolk evaluate measures it.") if silent else None,
            [tag("p", _diagnosed(q)) for q in verdicts],
            tag("p", noise(runs), class_="hint") if cards else None,
        ]
    )


def question(runs: Sequence[Material], main: Question | None) -> str:
    """What the report answers, as far as its findings allow."""
    names = " and ".join(dict.fromkeys(run.data_name for run in runs))
    if main is None or main.first.unit not in figures.SHARES:
        return f"What was learned from {names}?"
    floors = ", ".join(column.label for column in main.answers if column.floor)
    beside = f", beside the floors that learned nothing ({floors})" if floors else ""
    return f"How well do the learned features tell the images of {names} apart{beside}?"


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
    what = f"{encoder} trained by {method}" if encoder != NO_ENCODER else method
    return f"{what} on {run.data_name}{length}{cost(run)}"


def cost(run: Material) -> str:
    """``, 3.8 minutes at 1,400 images a second``, from the speed that was logged."""
    seconds = sum(row.get("seconds") or 0 for row in run.speed)
    rates = sorted(row["images_per_second"] for row in run.speed if row.get("images_per_second"))
    if not seconds:
        return ""
    length = f"{seconds / 60:.1f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
    return f", {length}" + (f" at {figures.plain(round(rates[len(rates) // 2]))} images a second" if rates else "")


def _card(column: Column, main: Question) -> Markup:
    finding = main.answers[column]
    unit = "" if finding.unit in figures.SHARES else finding.unit
    interval = f"95% interval {found}" if (found := figures.interval(finding)) else ""
    about = ", ".join(filter(None, [f"{main.title} on {main.place}", unit, interval]))
    made = trained(column.run)
    return tag(
        "article",
        tag("p", column.label, class_="who") if len(main.runs) > 1 else None,
        tag("p", figures.value(finding.value, finding.unit), class_="figure"),
        tag("p", about, class_="hint"),
        tag("p", score.against_floor(column, main)),
        tag("p", f"{made[0].upper()}{made[1:]}.") if made else None,
        class_="card",
    )


def _diagnosed(question: Question) -> Markup:
    several = len(question.runs) > 1
    found = ", ".join(verdict.qualified(f) + (f" ({c.label})" if several else "") for c, f in question.runs.items())
    return join([tag("strong", f"{question.title}: "), found, "."]) if found else join([])


def noise(runs: Sequence[Material]) -> str:
    """What the intervals cover; with one seed of a recipe nothing is known of training's noise."""
    recipes = [repr({**run.recipe, "seed": None}) for run in runs]
    if all(recipes.count(r) == 1 for r in recipes):
        return (
            "Intervals cover the noise of the test set. There is one seed of each recipe, so nothing is known "
            "of the noise of training."
        )
    return "Intervals cover the noise of the test set; for that of training, compare seeds of a recipe."
