"""Run: one folder of plain files that holds everything about one training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kinfolk.core import files
from kinfolk.core.errors import RequestError
from kinfolk.records import findings
from kinfolk.records.findings import Finding
from kinfolk.records.recipe import Recipe


class Run:
    """A run folder: ``recipe.toml``, ``environment.json``, ``log.jsonl``, ``weights.safetensors``, ``findings.jsonl``.

    The folder ``resume`` exists exactly while the run is unfinished.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    @classmethod
    def at(cls, folder: Path | str) -> Run:
        """Open a run that exists.

        Raises:
            RequestError: the folder is absent or is not a run.
        """
        run = cls(folder)
        if not run.exists:
            no_run = "is not a run folder: it has no recipe.toml (images are named by --data)"
            raise RequestError(f"'{folder}' {no_run if run.folder.exists() else 'does not exist'}.")
        return run

    @property
    def name(self) -> str:
        """The folder's name, which is the run's name in findings and tables."""
        return self.folder.resolve().name

    @property
    def exists(self) -> bool:
        """Whether a request was written here."""
        return (self.folder / "recipe.toml").is_file()

    @property
    def finished(self) -> bool:
        """Whether training has ended: the weights are there and nothing is left to resume."""
        return self.exists and self.weights.is_file() and not self.resume.exists()

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        return Recipe.load(self.folder / "recipe.toml")

    @property
    def weights(self) -> Path:
        """The weights of encoder and heads."""
        return self.folder / "weights.safetensors"

    def trained(self) -> Path:
        """The weights.

        Raises:
            RequestError: training has not finished, so there are none.
        """
        if not self.weights.is_file():
            raise RequestError(
                f"'{self.folder}' has no weights yet: its training has not finished; the command that began it goes on."
            )
        return self.weights

    @property
    def digest(self) -> str:
        """Of the weights: names the folder in which features are kept."""
        return hashlib.blake2b(self.trained().read_bytes(), digest_size=6).hexdigest()

    @property
    def features(self) -> Path:
        """The folder of the features of the last weights."""
        return self.folder / "features" / self.digest

    @property
    def encoder(self) -> Path:
        """The encoder that embeds, under its own names, for other programs and to start from."""
        return self.folder / "encoder.safetensors"

    @property
    def resume(self) -> Path:
        """The folder of checkpoints; its absence means finished."""
        return self.folder / "resume"

    @property
    def log(self) -> list[dict[str, Any]]:
        """The rows of the log."""
        return files.read_lines(self.folder / "log.jsonl")

    @property
    def speed(self) -> list[dict[str, Any]]:
        """One row an epoch: seconds and images a second. Kept apart from the log, which is the same to the bit."""
        return files.read_lines(self.folder / "speed.jsonl")

    @property
    def findings(self) -> list[Finding]:
        """All findings, the newest of each identity."""
        return findings.load(self.folder)

    def add(self, found: list[Finding]) -> None:
        """Append findings."""
        findings.save(self.folder, found)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run's lock: one writer at a time."""
        with files.lock(self.folder / ".lock"):
            yield
