"""Write: makes one self-contained HTML file from the folders of one or several runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kinfolk.core import files
from kinfolk.report import answer, curve, gallery, losses, matrix, measures, redo, scatter, score, table, verdict, watch
from kinfolk.report.columns import Question, columns, questions
from kinfolk.report.document import Document
from kinfolk.report.markup import Markup, join, tag
from kinfolk.report.material import Material, read_all

KINDS = ("score", "verdict", "scatter", "gallery", "curve", "matrix", "table")


def write(folders: Sequence[Path], out: Path) -> Path:
    """Write the report of the run folders ``folders`` to ``out`` and return it.

    Raises:
        RequestError: a folder is no run, or a file in it cannot be read.
        WorkError: the report would be larger than 10 MB.
    """
    runs = read_all(folders)
    page = Document()
    title = f"kinfolk: {', '.join(run.name for run in runs)}"
    html = page.html(title, _body(runs, page))
    files.write_text(Path(out), html)
    return Path(out)


def _body(runs: Sequence[Material], page: Document) -> Markup:
    sections = [section for section in _sections(runs, page) if section[2]]
    names = ", ".join(run.name for run in runs)
    links = [tag("a", title, href=f"#{key}") for key, title, _ in sections]
    filled = [tag("section", tag("h2", title), body, id=key, aria_label=title) for key, title, body in sections]
    scripts = "Maps, curves and thumbnails are drawn by this file's scripts; texts and tables are not."
    parts = [
        tag("a", "Skip to the answer", href="#answer", class_="skip"),
        tag("header", tag("p", "kinfolk report", class_="hint"), tag("h1", names), tag("nav", links)),
        tag("main", filled),
        tag("noscript", tag("p", scripts)),
        tag("footer", "Written by kinfolk. This file is complete: nothing is loaded from elsewhere."),
    ]
    return join(parts)


def _sections(runs: Sequence[Material], page: Document) -> list[tuple[str, str, Markup]]:
    """Key, title and content of every section, in reading order; what there is nothing for is empty."""
    shown = columns(runs)
    asked = {kind: questions(shown, kind) for kind in KINDS}
    curves = _each(asked["curve"], curve.show, page)
    tables = [_each(asked["matrix"], matrix.show, page), _each(asked["table"], table.show, page)]
    return [
        ("answer", "Answer", answer.show(runs, asked["score"], asked["verdict"])),
        ("verdicts", "Verdicts", _each(asked["verdict"], verdict.show, page)),
        ("scores", "Scores", score.show(asked["score"], shown)),
        ("losses", "Loss terms", losses.show(runs, page)),
        ("measures", "Read from the features while training", measures.show(runs, page)),
        ("watched", "Watched while training", watch.show(runs, page)),
        ("maps", "Maps", scatter.show(asked["scatter"], page)),
        ("sheets", "Image sheets", _each(asked["gallery"], gallery.show, page)),
        ("curves", "Curves", tag("div", curves, class_="side wide") if curves else curves),
        ("tables", "Tables", join(tables)),
        ("redo", "How to do it again", redo.show(runs, [q for kind in KINDS for q in asked[kind]])),
    ]


def _each(asked: Sequence[Question], show: Callable[[Question, Document], Markup], page: Document) -> Markup:
    return join(show(question, page) for question in asked)
