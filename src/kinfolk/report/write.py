"""Write: makes one self-contained HTML file from the folders of one or several runs, or from a study's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kinfolk.compare.frame import Outcome
from kinfolk.core import files
from kinfolk.report import (
    agreement,
    answer,
    curve,
    gallery,
    losses,
    matrix,
    measures,
    redo,
    scatter,
    score,
    standing,
    study,
    table,
    verdict,
    watch,
)
from kinfolk.report.columns import Question, columns, questions
from kinfolk.report.document import Document
from kinfolk.report.markup import Markup, join, tag
from kinfolk.report.material import Material, read, read_all

KINDS = ("score", "verdict", "scatter", "gallery", "curve", "matrix", "table")
SHOW = {"gallery": gallery.show, "curve": curve.show, "matrix": matrix.show, "table": table.show}
OWN = {
    "anomaly": ("roc", "Anomalies: ROC curves, and the images that stand out most"),
    "invariance": ("invariance", "Invariance"),
    "reconstruction": ("reconstructions", "Reconstructions"),
}
"""Findings whose names begin so have a section of their own."""

Section = tuple[str, str, Markup]


def write(folders: Sequence[Path], out: Path) -> Path:
    """Write the report of the run folders ``folders`` to ``out`` and return it.

    Raises:
        RequestError: a folder is no run, or a file in it cannot be read.
        WorkError: the report would be larger than 10 MB.
    """
    runs, page = read_all(folders), Document()
    shown = columns(runs)
    asked = {kind: questions(shown, kind) for kind in KINDS}
    said = answer.show(runs, asked["score"], asked["verdict"])
    first = [("answer", "Answer", said), ("scores", "Scores", score.show(asked["score"], shown))]
    last = redo.show(runs, [q for kind in KINDS for q in asked[kind]])
    title = ", ".join(run.name for run in runs)
    return _written(title, [*first, *_sections(runs, asked, page), ("redo", "How to do it again", last)], page, out)


def write_study(outcome: Outcome, folder: Path, out: Path) -> Path:
    """Write the report of a study; what is drawn for each variant is from its run with the first seed.

    Raises:
        RequestError, WorkError: as ``write``.
    """
    first = dict(reversed(outcome.frame.runs(folder)))
    runs, page = [read(first[name], name) for name in outcome.comparison.variants], Document()
    shown = columns(runs)
    asked = {kind: questions(shown, kind) for kind in KINDS}
    verdicts = {c.label: verdict.brief(f) for q in asked["verdict"] for c, f in q.runs.items()}
    top = [
        ("answer", "Answer", study.answer(outcome, verdicts)),
        ("scores", "Scores", standing.table(outcome)),
        ("claims", "Claims", study.claims(outcome)),
        ("relation", "Validation loss and score", standing.against_loss(outcome, page)),
        ("costs", "Score against what it cost", standing.against_cost(outcome, page)),
    ]
    last = redo.show_study(outcome, runs, [q for kind in KINDS for q in asked[kind]])
    body = [(key, name, join([study.lead(outcome, key), filled])) for key, name, filled in _sections(runs, asked, page)
            if filled]
    before = [section for section in body if section[0] in ("verdicts", "losses")]
    after = [section for section in body if section not in before]
    sections = [*top[:3], *before, *top[3:], *after, ("redo", "How to do it again", last)]
    return _written(outcome.frame.about.get("name", folder.name), sections, page, out)


def _written(title: str, sections: Sequence[Section], page: Document, out: Path) -> Path:
    filled = [section for section in sections if section[2]]
    links = [tag("a", title, href=f"#{key}") for key, title, _ in filled]
    bodies = [tag("section", tag("h2", title), body, id=key, aria_label=title) for key, title, body in filled]
    scripts = "Maps, curves and thumbnails are drawn by this file's scripts; texts and tables are not."
    parts = [
        tag("a", "Skip to the answer", href="#answer", class_="skip"),
        tag("header", tag("p", "kinfolk report", class_="hint"), tag("h1", title), tag("nav", links)),
        tag("main", bodies),
        tag("noscript", tag("p", scripts)),
        tag("footer", "Written by kinfolk. This file is complete: nothing is loaded from elsewhere."),
    ]
    files.write_text(Path(out), page.html(f"kinfolk: {title}", join(parts)))
    return Path(out)


def _sections(runs: Sequence[Material], asked: dict[str, list[Question]], page: Document) -> list[Section]:
    """Key, title and content of the sections between scores and recipe; what there is nothing for is empty."""
    own = [(key, name, _named(asked, prefix, page)) for prefix, (key, name) in OWN.items()]
    rest = {kind: [q for q in asked[kind] if _prefix(q) not in OWN] for kind in SHOW}
    curves = _each(rest["curve"], curve.show, page)
    tables = [_each(rest["matrix"], matrix.show, page), _each(rest["table"], table.show, page)]
    verdicts = join([verdict.counted(asked["verdict"]), _each(asked["verdict"], verdict.show, page)])
    return [
        ("verdicts", "Verdicts", verdicts),
        ("losses", "Loss terms", losses.show(runs, page)),
        ("measures", "Read from the features while training", measures.show(runs, page)),
        ("watched", "Watched while training", watch.show(runs, page)),
        ("maps", "Maps", scatter.show(asked["scatter"], page)),
        ("sheets", "Nearest and farthest images", _each(rest["gallery"], gallery.show, page)),
        own[0],
        ("clusters", "Clusters against classes", agreement.show(asked["scatter"])),
        *own[1:],
        ("curves", "Other curves", tag("div", curves, class_="side wide") if curves else curves),
        ("tables", "Tables", join(tables)),
    ]


def _prefix(question: Question) -> str:
    return question.name.partition("_")[0]


def _named(asked: dict[str, list[Question]], prefix: str, page: Document) -> Markup:
    """Everything of one family of findings but its scores: curves first, then tables, then images."""
    kinds = ("curve", "matrix", "table", "gallery")
    return join(_each([q for q in asked[kind] if _prefix(q) == prefix], SHOW[kind], page) for kind in kinds)


def _each(asked: Sequence[Question], show: Callable[[Question, Document], Markup], page: Document) -> Markup:
    return join(show(question, page) for question in asked)
