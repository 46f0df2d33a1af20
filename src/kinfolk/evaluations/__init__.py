"""Evaluations rank: each measures a subject's features and returns findings with interval and protocol."""

from __future__ import annotations

from typing import ClassVar, Protocol

from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class Evaluation(Protocol):
    """The contract of a leaf: settings are keyword-only, ``needs`` is checked before it is asked.

    ``needs`` names roles (train, test, ood_train, ood_test, anomalies), the layer ``z``, and abilities
    (labels, images, factors, encode, views, paint, generate) as in ``Subject.offers``. ``floors`` says whether the
    floors are measured as well. ``unchanged_by`` declares which of ``rotation`` and ``scaling`` of the space leave
    every score as it is, and the contract battery holds it to that. ``measure`` changes nothing of the subject and
    uses no global generator.
    """

    needs: ClassVar[frozenset[str]]
    floors: ClassVar[bool]
    unchanged_by: ClassVar[frozenset[str]]

    def measure(self, subject: Subject) -> list[Finding]:
        """Return the findings for one subject."""
        ...
