"""Desk: hands long computations to a second process, one after the other, each once, and keeps what they give."""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kinfolk.core import files
from kinfolk.explore.part import Part

State = Literal["waiting", "computing", "ready", "failed"]
VERSION = 1
CLUSTERS = 10


@dataclass(frozen=True)
class Job:
    """What is to be computed.

    Attributes:
        kind: ``lists`` or ``map`` of `worker`.
        part: of which images; bank: the training images, for ``lists``.
        method, images: for ``map``.
    """

    kind: str
    part: Part
    bank: Part
    method: str = ""
    images: int = 0

    @property
    def key(self) -> str:
        """The name of the result: the same computation on the same vectors, whatever the run is called."""
        parts = [VERSION, self.kind, self.part.digest, self.bank.digest, self.method, self.images]
        return hashlib.blake2b(repr(parts).encode(), digest_size=10).hexdigest()


@dataclass
class Progress:
    """Where a job stands."""

    state: State = "waiting"
    done: float = 0.0
    problem: str = ""
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


class Desk:
    """Results by job, from the cache or computed in their turn."""

    def __init__(self) -> None:
        self._known: dict[str, Progress] = {}
        self._lock = threading.Lock()
        self._waiting: queue.Queue[Job | None] = queue.Queue()
        self._worker: Any = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def look(self, job: Job) -> Progress | None:
        """What is known of a job, or None where it was never asked for and its result is not in the cache."""
        key = job.key
        with self._lock:
            return self._find(key)

    def ask(self, job: Job, again: bool = False) -> Progress:
        """The same, and where there is nothing yet the job is put in the queue; ``again``: also where it failed."""
        key = job.key
        with self._lock:
            found = self._find(key)
            if found is None or (again and found.state == "failed"):
                found = self._known[key] = Progress()
                self._waiting.put(job)
            return found

    def _find(self, key: str) -> Progress | None:
        if key not in self._known:
            arrays = kept(key)
            if arrays is None:
                return None
            self._known[key] = Progress("ready", 1.0, "", arrays)
        return self._known[key]

    def close(self) -> None:
        """End what is being computed."""
        self._closed = True
        self._waiting.put(None)
        if self._worker is not None:
            self._worker.kill()
        self._thread.join(5)
        if self._worker is not None:
            dismiss(self._worker)

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None and not self._closed:
            progress = self._known[job.key]
            progress.state = "computing"
            try:
                with files.scratch() as folder:
                    problem = self._done(described(job, folder), progress)
                arrays = None if problem else kept(job.key)
            except Exception as error:  # this thread has to live on, and to say what happened
                problem, arrays = str(error) or type(error).__name__, None
            if arrays is None:
                progress.problem, progress.state = problem or "the result could not be read.", "failed"
            else:
                progress.arrays, progress.done, progress.state = arrays, 1.0, "ready"

    def _done(self, place: Path, progress: Progress) -> str:
        """Have a job done; why it failed, or nothing. A worker that ended for want of work is started again."""
        for worker in (self._worker, None):
            said = ""
            if worker is None:
                worker = self._worker = started()
            try:
                worker.stdin.write(f"{place}\n")
                worker.stdin.flush()
                for line in worker.stdout:
                    said = line.strip()
                    if said == "ready":
                        return ""
                    if said.startswith("failed"):
                        return said.removeprefix("failed").strip()
                    progress.done = float(said)
            except BrokenPipeError:
                pass
            dismiss(worker)
            if said or self._closed:
                break
        return "the computation was ended from outside; there may not have been enough memory."


def started() -> Any:
    """A worker."""
    command = [sys.executable, "-m", "kinfolk.explore.worker"]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
    )


def dismiss(worker: Any) -> None:
    """End a worker and let go of it."""
    worker.kill()
    worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        with contextlib.suppress(OSError):
            pipe.close()


def described(job: Job, folder: Path) -> Path:
    """Write a job for `worker` into ``folder``."""
    from safetensors.numpy import save_file

    arrays = folder / "arrays.safetensors"
    save_file({"index": job.part.index, "bank_index": job.bank.index, "labels": job.bank.labels}, arrays)
    vectors = stored(job.part, folder)
    plain: dict[str, Any] = {
        "kind": job.kind, "out": str(place_of(job.key)), "arrays": str(arrays), "vectors": vectors,
        "bank": vectors if job.bank is job.part else stored(job.bank, folder),
        "clusters": len(job.bank.classes) or CLUSTERS, "method": job.method, "images": job.images,
    }
    place = folder / "job.json"
    place.write_text(json.dumps(plain), "utf-8")
    return place


def stored(part: Part, folder: Path) -> str:
    """The ``.npy`` file of a part's vectors: where they are mapped from, or a copy in ``folder``."""
    mapped = part.features.vectors
    if isinstance(mapped, np.memmap) and mapped.filename and not mapped.offset % 64:
        return str(mapped.filename)
    place = folder / f"{part.role}.npy"
    np.save(place, part.vectors)
    return str(place)


def place_of(key: str) -> Path:
    """Where a result is kept."""
    return files.cache_folder() / "explore" / f"{key}.safetensors"


def kept(key: str) -> dict[str, np.ndarray] | None:
    """A result from the cache; None where it is not there or is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(place_of(key)) if place_of(key).is_file() else None
    except (SafetensorError, OSError):
        return None
