"""Standing: the table of a study: variants over seeds, floors, the literature, what each column says, and the cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinfolk.compare.claims import apart, shown
from kinfolk.compare.frame import Outcome
from kinfolk.compare.relation import link, links, points, sentences
from kinfolk.compare.seeds import Quantity
from kinfolk.compare.written import difference, interval, known
from kinfolk.report import lines, study
from kinfolk.report.document import Document
from kinfolk.report.figures import plain
from kinfolk.report.markup import Markup, grid, join, tag

ACROSS = 5  # scores in one block of the table
READING = (
    "Below a score: its 95% interval; the difference to the base with its interval, * where that is more than noise, "
    "without one where there is one seed; the rank among the variants; the literature's figure."
)


def table(outcome: Outcome) -> Markup:
    """Variants down, the main scores across, in blocks; below, each in a sentence, and why the literature differs."""
    comparison = outcome.comparison
    names = [*comparison.variants, *comparison.floors]
    blocks = []
    for first in range(0, len(outcome.quantities), ACROSS):
        chosen = outcome.quantities[first : first + ACROSS]
        header = ["variant", *[_headed(outcome, quantity) for quantity in chosen]]
        rows = [[_named(outcome, n, costs=not first), *[_cell(outcome, n, q) for q in chosen]] for n in names]
        label = "Scores over seeds with 95% intervals" if not first else "More scores"
        blocks.append(grid(header, rows, label, class_="scores"))
    said = tag("ul", [tag("li", study.said(outcome, quantity)) for quantity in outcome.quantities])
    if len(outcome.quantities) > ACROSS:
        said = tag("details", tag("summary", f"Each of the {len(outcome.quantities)} scores in words"), said)
    return join([blocks, tag("p", READING, class_="hint"), _distance(outcome), said, _others(outcome)])


def _headed(outcome: Outcome, quantity: Quantity) -> Markup:
    better = {True: ", higher is better", False: ", lower is better", None: ""}[quantity.higher_is_better]
    return join([study.title(outcome, quantity), tag("small", f" {quantity.split}{better}")])


def _named(outcome: Outcome, name: str, *, costs: bool) -> Markup:
    comparison = outcome.comparison
    if name in comparison.floors:
        return join([name, tag("small", "floor")])
    seeds = len({m.seed for m in comparison.members if m.variant == name})
    role = "base, " if name == comparison.base else ""
    lines_ = [f"{role}{seeds} seed{'' if seeds == 1 else 's'}"]
    if costs:
        cost = comparison.costs[name]
        lines_ += [f"{cost.seconds:,.0f} s, {cost.views:,} views"]
        lines_ += [f"{cost.parameters / 1e6:.2f} M parameters"]
    return join([name, *[tag("small", text) for text in lines_]])


def _cell(outcome: Outcome, name: str, quantity: Quantity) -> Markup:
    cell = outcome.comparison.cells.get((name, quantity))
    reported = known(outcome.frame.reported, outcome.comparison).get((name, quantity))
    if cell is None:
        return tag("td", "–", class_="none")
    own = name in outcome.comparison.variants
    estimate = cell.estimate
    parts: list[object] = [tag("strong" if own else "span", shown(estimate.mean, quantity))]
    within = study.interval(estimate, quantity).strip()
    parts += [tag("small", within, class_="interval")] if within else []
    if cell.difference and own:
        text = apart(cell.difference, quantity) + " *" * bool(cell.difference.beyond_noise)
        parts.append(tag("small", text, class_="difference"))
    parts += [tag("small", f"rank {cell.rank}")] if cell.rank else []
    parts += [tag("small", f"reported {shown(reported, quantity)}")] if reported is not None else []
    return tag("td", parts)


def _distance(outcome: Outcome) -> Markup | None:
    """How far the literature's figures lie from those here, and what differs."""
    found = known(outcome.frame.reported, outcome.comparison)
    rows = []
    for (name, quantity), value in found.items():
        cell = outcome.comparison.cells.get((name, quantity))
        if cell:
            apart = abs(value - cell.estimate.mean)
            far = f"{100 * apart:.1f} points" if quantity.unit == "accuracy" else plain(apart)
            word = "above" if cell.estimate.mean > value else "below"
            rows.append(tag("li", f"{name}, {study.title(outcome, quantity)}: {shown(cell.estimate.mean, quantity)} "
                                  f"here, {far} {word} the reported {shown(value, quantity)}."))
    why = [tag("li", text) for text in study.substitutes(outcome)]
    scale = outcome.frame.about.get("scale", "")
    if not why:
        return tag("ul", rows) if rows else None
    headed = f"What the scale {scale} puts in the place of what the authors used" if scale else "What differs"
    head = f"{headed}, which may be why figures differ from theirs:" if rows else f"{headed}:"
    return join([tag("ul", rows) if rows else None, tag("p", head), tag("ul", why)])


def _others(outcome: Outcome) -> Markup | None:
    """Every other score, folded away."""
    comparison = outcome.comparison
    rest = [q for q in comparison.quantities if q not in outcome.quantities]
    if not rest:
        return None
    names = [*comparison.variants, *comparison.floors]
    rows = []
    for quantity in rest:
        cells = [comparison.cells.get((name, quantity)) for name in names]
        shown_ = [join([interval(c, quantity), tag("small", difference(c, quantity))]) if c else "–" for c in cells]
        rows.append([join([study.title(outcome, quantity), tag("small", f" {quantity.split}")]), *shown_])
    table = grid(["score", *names], rows, "Every other score", class_="scores plain")
    note = tag("p", "With 95% intervals; below, the difference to the base, * where it is more than noise.")
    return tag("details", tag("summary", f"Every other score ({len(rest)})"), note, table)


def against_cost(outcome: Outcome, page: Document) -> Markup:
    """The main figure of every variant against the views it saw, its parameters and its seconds."""
    comparison, main = outcome.comparison, study.foremost(outcome)
    means = {v: c.estimate.mean for v in comparison.variants if (c := comparison.cells.get((v, main)))}
    if len(means) < 2:
        return join([])
    times = 100 if main.unit == "accuracy" else 1
    figures, trends = [], []
    for name, label in (("views", "views seen in training"), ("parameters", "parameters"), ("seconds", "seconds")):
        places = {v: float(getattr(comparison.costs[v], name)) for v in means}
        if len(set(places.values())) < 2:
            continue
        trends.append(_trend(label, [(places[v], mean) for v, mean in means.items()]))
        series = [lines.Line([places[v]], [times * mean], v) for v, mean in means.items()]
        alt = f"{study.title(outcome, main)} against {label}. {lines.alt(series, label, 'score')}"
        plot = page.plot(lines.figure(series, label, "per cent" if times == 100 else "", log="x"), alt)
        caption = tag("figcaption", tag("strong", study.title(outcome, main)), f" against {label}")
        figures.append(tag("figure", caption, plot))
    if not figures:
        return join([])
    two = [v for v in dict.fromkeys([max(means, key=lambda v: means[v]), comparison.base]) if v in means]
    both = "; ".join(f"{v} {shown(means[v], main)} after {_spent(outcome, v)}" for v in two)
    said = [f"{study.title(outcome, main)}, the highest and the base: {both}.", *filter(None, trends)]
    return join([[tag("p", text) for text in said], tag("div", figures, class_="side")])


def _trend(label: str, pairs: Sequence[tuple[float, float]]) -> str:
    """Whether the score rises with a cost over the variants, no more than the interval carries."""
    found = link(label, (), np.array(pairs))
    if found is None or found.low is None or found.high is None:
        return ""
    told = f"rank correlation {found.correlation:+.2f} [{found.low:+.2f}, {found.high:+.2f}] over {found.n} variants"
    if found.low <= 0 <= found.high:
        return f"Whether it goes with {label} is not known: {told}."
    return f"It is {'higher' if found.low > 0 else 'lower'} with more {label}: {told}."


def _spent(outcome: Outcome, name: str) -> str:
    cost = outcome.comparison.costs[name]
    return f"{cost.views:,} views in {cost.seconds:,.0f} s with {cost.parameters / 1e6:.2f} M parameters"


def against_loss(outcome: Outcome, page: Document) -> Markup:
    """Validation loss and watched k-NN, epoch by epoch, one figure for each kind of loss, and what goes with what."""
    comparison = outcome.comparison
    score = comparison.main()[0]
    found = points(comparison, score)
    told = [tag("li", text) for text in sentences(links(found), score)]
    figures = []
    for loss in dict.fromkeys((p.objective, p.terms) for p in found):
        series = []
        for variant in dict.fromkeys(p.variant for p in found if (p.objective, p.terms) == loss and not p.last):
            own = [p for p in found if (p.variant, p.objective, p.terms, p.last) == (variant, *loss, False)]
            own = [p for p in own if p.seed == own[0].seed]
            series.append(lines.Line([p.loss for p in own], [100 * p.score for p in own], variant))
        if series:
            what = " + ".join(loss[1]) + (f" of {series[0].name}" if len(series) == 1 else "")
            alt = f"k-NN against the loss {what}. {lines.alt(series, 'validation loss', 'k-NN')}"
            plot = page.plot(lines.figure(series, "loss on held-out images", "k-NN, per cent"), alt)
            figures.append(tag("figure", tag("figcaption", tag("strong", what), ", epoch by epoch"), plot))
    if not figures and not told:
        return join([])
    return join([tag("ul", told) if told else None, tag("div", figures, class_="side")])
