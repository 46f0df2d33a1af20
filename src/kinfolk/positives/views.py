"""Another view of the same image: the positive of nearly every joint-embedding method."""

from __future__ import annotations

from kinfolk.positives import Positives


class Views(Positives):
    """Every image is its own partner."""
