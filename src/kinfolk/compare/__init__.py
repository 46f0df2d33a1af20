"""Compare: the scores of subjects side by side, and of variants over seeds: differences, claims, and what they cost."""

from kinfolk.compare.scores import HEADLINES, Row, cell, show, table, telling

__all__ = ["HEADLINES", "Row", "cell", "show", "table", "telling"]
