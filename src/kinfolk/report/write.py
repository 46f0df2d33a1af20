"""Write: makes one self-contained HTML file from the folders of one or several runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kinfolk.core import files
from kinfolk.report import answer, curve, gallery, losses, matrix, redo, scatter, score, table, verdict
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
    shown = columns(runs)
    asked = {kind: questions(shown, kind) for kind in KINDS}
    every = [question for kind in KINDS for question in asked[kind]]
    sections = [
        ("answer", "Answer", answer.show(runs, asked["score"], asked["verdict"])),
        ("verdicts", "Verdicts", _each(asked["verdict"], verdict.show, page)),
        ("scores", "Scores", score.show(asked["score"], shown)),
        ("losses", "Loss terms", losses.show(runs, page)),
        ("watched", "Watched while training", losses.watched(runs, page)),
        ("maps", "Maps", scatter.show(asked["scatter"], page)),
        ("sheets", "Nearest and farthest images", _each(asked["gallery"], gallery.show, page)),
        ("curves", "Curves", _each(asked["curve"], curve.show, page)),
        (
            "tables",
            "Tables",
            join([_each(asked["matrix"], matrix.show, page), _each(asked["table"], table.show, page)]),
        ),
        ("redo", "How to do it again", redo.show(runs, every)),
    ]
    filled = [section for section in sections if section[2]]
    links = [tag("a", name, href=f"#{key}") for key, name, _ in filled]
    return join(
        [
            tag("a", "Skip to the answer", href="#answer", class_="skip"),
            tag(
                "header",
                tag("h1", ", ".join(run.name for run in runs)),
                tag("nav", links, aria_label="Sections"),
            ),
            tag(
                "main",
                [
                    tag("section", tag("h2", name), body, id=key, aria_label=name)
                    for key, name, body in filled
                ],
            ),
            tag(
                "noscript",
                tag(
                    "p",
                    "Maps, curves and thumbnails are drawn by scripts in this file; texts and tables are not.",
                ),
            ),
            tag("footer", "Written by kinfolk. This file is complete: nothing is loaded from elsewhere."),
        ]
    )


def _each(asked: Sequence[Question], show: Callable[[Question, Document], Markup], page: Document) -> Markup:
    return join(show(question, page) for question in asked)
