"""Findings: what evaluations and diagnostics say, in a few fixed shapes that everything can show."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kinfolk.core import files

Kind = Literal["score", "curve", "table", "matrix", "scatter", "gallery", "verdict"]


@dataclass(frozen=True)
class Finding:
    """One result with its protocol. Identity is (name, split, subject, protocol): the newest wins.

    ``kind`` fixes what is filled:

    * score: ``value``, ``low``, ``high`` (95 % interval), ``unit``, ``higher_is_better``
    * curve: ``data = {"x": [...], "series": {name: [...]}, "x_label": str, "y_label": str}``; may carry
      ``"log": "x" | "y" | "xy"`` and ``"lines": {name: y}`` for horizontal reference lines
    * table: ``data = {"columns": [...], "rows": [[...]]}``
    * matrix: ``data = {"rows": [...], "columns": [...], "values": [[...]]}``
    * scatter: ``arrays = {"xy": float32 (N, 2), "index": int64 (N,), "labels": int64 (N,)}``, further arrays
      of length N colour the points
    * gallery: ``arrays = {"queries": int64 (Q,), "nearest": int64 (Q, k), "similarity": float32 (Q, k)}``
      (positions in the dataset's split), optionally ``"farthest"`` and ``"farthest_similarity"``;
      ``data = {"query_split": str, "bank_split": str}``. A gallery without queries (the most anomalous
      images, say) has ``arrays = {"images": int64 (n,), "score": float32 (n,)}``; one of pictures that a method
      painted has ``arrays = {"pictures": uint8 (n, h, w, 3)}``, with ``"images"`` too where it was of these
    * verdict: ``data = {"verdict": str, "evidence": [{"name", "value", "threshold", "says"}], "advice": str}``

    ``text`` is one sentence in plain words, computed from the figures.
    """

    name: str
    kind: Kind
    split: str
    subject: str
    protocol: dict[str, Any]
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    higher_is_better: bool | None = None
    title: str = ""
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict, compare=False)

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What makes two findings answers to the same question."""
        return self.name, self.split, self.subject, json.dumps(self.protocol, sort_keys=True)

    def plain(self) -> dict[str, Any]:
        """The finding as JSON values: empty fields left out, arrays named by their shapes."""
        row = {k: v for k, v in asdict(self).items() if k not in ("arrays",) and v not in (None, "", {})}
        row["protocol"] = self.protocol
        if self.arrays:
            row["arrays"] = {k: list(v.shape) for k, v in self.arrays.items()}
        return row


def save(folder: Path, findings: Iterable[Finding]) -> None:
    """Append findings to ``folder/findings.jsonl``; large arrays go beside it as safetensors."""
    from safetensors.numpy import save_file

    rows = []
    for finding in findings:
        row = finding.plain()
        if finding.arrays:
            digest = hashlib.blake2b(repr(finding.identity).encode(), digest_size=6).hexdigest()
            name = f"findings/{finding.name}-{digest}.safetensors"
            with files.replacing(folder / name) as partial:
                save_file({k: np.ascontiguousarray(v) for k, v in finding.arrays.items()}, partial)
            row["file"] = name
        rows.append(row)
    files.append_lines(folder / "findings.jsonl", rows)


def load(folder: Path) -> list[Finding]:
    """Read the findings of a folder, the newest of each identity, in the order they were first made."""
    from safetensors.numpy import load_file

    newest: dict[tuple[str, str, str, str], tuple[Finding, str]] = {}
    for row in files.read_lines(folder / "findings.jsonl"):
        row.pop("arrays", None)
        name = row.pop("file", "")
        finding = Finding(**row)
        newest[finding.identity] = finding, name
    for finding, name in newest.values():
        if name and (folder / name).exists():
            finding.arrays.update(load_file(folder / name))
    return [finding for finding, _ in newest.values()]
