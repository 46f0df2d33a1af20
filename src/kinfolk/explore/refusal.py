"""Refusal: what is answered in place of a result: one sentence and an HTTP status."""

from __future__ import annotations


class Refusal(Exception):
    """A request that is not served; ``status`` is 400, 401, 403, 404, 405, 408, 409 or 413."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
