"""The errors kinfolk raises on purpose: one plain message each, and the exit status it ends with."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class KinfolkError(Exception):
    """Base of all errors that carry a message meant for the user."""

    status = 1


class RequestError(KinfolkError):
    """The request cannot be served as it was made; nothing was written (exit status 2)."""

    status = 2


class WorkError(KinfolkError):
    """The request was sound but the work failed; the message says what is kept (exit status 1)."""


def nearest(asked: str, known: Iterable[str]) -> str:
    """Return the known name closest to ``asked``, or an empty string."""
    found = difflib.get_close_matches(str(asked).lower(), list(known), n=1, cutoff=0.5)
    return found[0] if found else ""


def unknown(what: str, asked: str, known: Iterable[str], meant: str = "") -> RequestError:
    """Build the refusal of an unknown name: what was asked, what is known, and the nearest.

    Args:
        what: the kind of thing in the singular, such as ``"method"``.
        asked: the name that was given.
        known: all names that would have been accepted.
        meant: what is likely meant, if that is not the nearest name.
    """
    names = sorted(known)
    meant = meant or (f"'{hint}'" if (hint := nearest(asked, names)) else "")
    closest = f" Did you mean {meant}?" if meant else ""
    return RequestError(f"unknown {what} '{asked}'.{closest} Known: {', '.join(names) or 'none'}.")
