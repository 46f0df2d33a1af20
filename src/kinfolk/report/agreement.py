"""Agreement: clusters against classes, as shares of each cluster, one shaded table for each run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinfolk.records.findings import Finding
from kinfolk.report.columns import Column, Question
from kinfolk.report.markup import Markup, join, tag
from kinfolk.report.matrix import shaded

WIDEST = 30
LETTERS = 4  # of a class name, so that ten columns fit; the whole name is shown on hover


def show(questions: Sequence[Question]) -> Markup:
    """What the clusters on a map hold, where its images have classes; nothing where no map has clusters."""
    found: dict[Column, Finding] = {}
    for question in questions:
        for column, finding in question.answers.items():
            if _known(finding):
                found.setdefault(column, finding)
    shown = [tag("div", tag("p", tag("strong", c.label), f" {_told(f)}"), _matrix(c, f)) for c, f in found.items()]
    if not shown:
        return join([])
    note = "A row is a cluster, a column a class: the share of the cluster's mapped images that are of the class."
    return join([tag("p", note, class_="hint"), tag("div", shown, class_="side wide")])


def _known(finding: Finding) -> bool:
    labels, cluster = finding.arrays.get("labels"), finding.arrays.get("cluster")
    if labels is None or cluster is None or not (labels >= 0).any():
        return False
    return max(int(labels.max()), int(cluster.max())) < WIDEST


def _shares(finding: Finding) -> np.ndarray:
    """Share of each cluster (rows) that is of each class (columns); rows in the order of their commonest class."""
    labels, cluster = finding.arrays["labels"], finding.arrays["cluster"]
    counts = np.zeros((int(cluster.max()) + 1, int(labels.max()) + 1))
    known = labels >= 0
    np.add.at(counts, (cluster[known], labels[known]), 1)
    counts = counts[counts.sum(1) > 0]
    shares: np.ndarray = counts / counts.sum(1, keepdims=True)
    order = np.lexsort((-shares.max(1), shares.argmax(1)))
    return shares[order]


def _told(finding: Finding) -> str:
    top = _shares(finding).max(1)
    return f"The commonest class makes up {top.mean():.0%} of a cluster on average, {top.max():.0%} of the purest."


def _matrix(column: Column, finding: Finding) -> Markup:
    shares = _shares(finding)
    split = str(finding.protocol.get(finding.split, finding.split))
    sheet = column.run.thumbnails.get(split)
    names = list(sheet.classes) if sheet else []
    named = [names[k] if k < len(names) else f"class {k}" for k in range(shares.shape[1])]
    short = [tag("abbr", name[:LETTERS], title=name) for name in named]
    rows = [str(k + 1) for k in range(len(shares))]
    values = [[round(100 * value) for value in row] for row in shares.tolist()]
    return shaded(rows, short, values, f"Clusters of {column.label} against classes, per cent of the cluster")
