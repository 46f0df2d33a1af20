"""Diagnostics explain: they need no labels unless they say so, and share the evaluations' contract."""

from __future__ import annotations

from typing import ClassVar, Protocol

from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class Diagnostic(Protocol):
    """As ``evaluations.Evaluation``: ``needs`` and ``floors``, then ``measure``."""

    needs: ClassVar[frozenset[str]]
    floors: ClassVar[bool]

    def measure(self, subject: Subject) -> list[Finding]:
        """Return the findings for one subject."""
        ...
