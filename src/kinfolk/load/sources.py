"""Opens a dataset by name or by path: a catalogue name, ``$KINFOLK_DATA/NAME``, a folder or a file.

A published dataset is looked for as ``$KINFOLK_DATA/NAME`` (also ``NAME.npz`` and ``NAME.parquet``) in any layout
that can be read, its archives included; then in the cache; then it is downloaded. Archives are unpacked once, into
the cache.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from kinfolk.core import archives, download, files, lines, registry
from kinfolk.core.errors import RequestError, WorkError, unknown
from kinfolk.core.listing import fingerprint
from kinfolk.datasets import Dataset

GENERAL = ("npz", "parquet", "folder")
COMPLETE = ".complete"
_opened: ContextVar[dict[tuple[str, str], Dataset] | None] = ContextVar("opened", default=None)


def open_dataset(name_or_path: str, settings: dict[str, Any] | None = None) -> Dataset:
    """Open a dataset; how far a download is, is said on stderr.

    Args:
        name_or_path: a name of the catalogue, the path of a leaf's Python file, or the path of data: a folder
            of images, a parquet file or a folder of them, an ``.npz`` file, published files or archives. A
            name wins over a path; write ``./name`` for the path.
        settings: settings of the dataset's leaf.

    Raises:
        RequestError: neither a known name nor an existing path, or nothing readable there.
        WorkError: a published dataset is not on this machine and could not be downloaded; the message says
            what to put where.
    """
    if (kept := _opened.get()) is None:
        return _open(name_or_path, settings)
    key = name_or_path, repr(sorted((settings or {}).items()))
    if key not in kept:
        kept[key] = _open(name_or_path, settings)
    return kept[key]


@contextlib.contextmanager
def opened_once() -> Iterator[None]:
    """Within this, what was opened is not looked through again: one walk over a folder a command, not five."""
    token = _opened.set({} if (kept := _opened.get()) is None else kept)
    try:
        yield
    finally:
        _opened.reset(token)


def _open(name_or_path: str, settings: dict[str, Any] | None) -> Dataset:
    known = registry.leaves("datasets")
    if name_or_path in known or name_or_path.endswith(".py"):
        return _named(name_or_path, settings or {})
    path = Path(name_or_path).expanduser()
    if path.exists():
        return at(path.resolve(), settings=settings)
    if os.sep in name_or_path or "/" in name_or_path or path.suffix:
        raise RequestError(f"no data at '{name_or_path}': there is no such file or folder.")
    raise unknown("dataset (nor is there such a path)", name_or_path, [n for n in known if n not in GENERAL])


def at(path: Path, name: str = "", settings: dict[str, Any] | None = None) -> Dataset:
    """Open what lies at ``path``; the leaf ``name`` is asked first, special layouts before general ones."""
    special = [n for n in registry.leaves("datasets") if n not in GENERAL and n != name]
    order = [name] * bool(name) + special + list(GENERAL)

    def own(candidate: str) -> dict[str, Any]:
        if not name or candidate == name:
            return settings or {}
        changed = {k: v for k, v in (settings or {}).items() if registry.leaf("datasets", name).resolve({}).get(k) != v}
        if changed:
            raise RequestError(
                f"'{path}' is read as {candidate}, which has no setting {', '.join(changed)} of '{name}': leave it "
                f"out, or put what '{name}' publishes there."
            )
        return {}

    for candidate in order[: -len(GENERAL)]:
        for published in getattr(registry.leaf("datasets", candidate).open(), "downloads", ()):
            archive = path if path.name == published.name else path / published.name
            if archives.is_archive(published.name) and archive.is_file() and not _recognised(candidate, path):
                return _built(candidate, _unpacked(candidate, archive), settings=own(candidate))
    for candidate in order:
        if _recognised(candidate, path):
            return _built(candidate, path, settings=own(candidate))
    raise RequestError(
        f"'{path}' is not data that can be read: it takes a folder of images, parquet files in the Hugging Face "
        "image layout, or an .npz with 'images'."
    )


def _built(name: str, *path: Path, settings: dict[str, Any] | None) -> Dataset:
    dataset: Dataset = registry.build("datasets", name, *path, **(settings or {}))
    return dataset


def _recognised(name: str, path: Path) -> bool:
    recognises = getattr(registry.leaf("datasets", name).open(), "recognises", None)
    return recognises is not None and recognises(path)


def _unpacked(name: str, archive: Path) -> Path:
    """Unpack an archive that the user has put somewhere, once for each state of it."""
    into = files.cache_folder() / "unpacked" / f"{name}-{fingerprint([archive])[:12]}"
    with files.lock(into.with_name(f".{into.name}.lock"), wait=True):
        if not into.exists():
            archives.unpack(archive, into)
    return into


def _named(name: str, settings: dict[str, Any]) -> Dataset:
    leaf = registry.leaf("datasets", name).open()
    if not hasattr(leaf, "recognises"):
        return _built(name, settings=settings)
    if not hasattr(leaf, "downloads"):
        raise RequestError(f"'{name}' is a layout, not data: give the path of the data.")
    home = os.environ.get("KINFOLK_DATA")
    if home:
        for path in (Path(home) / name, Path(home) / f"{name}.npz", Path(home) / f"{name}.parquet"):
            if path.exists():
                return at(path, name, settings)
    kept = files.cache_folder() / "downloads" / name
    if not (kept / COMPLETE).exists():
        _fetch(name, leaf, kept)
    return _built(name, kept, settings=settings)


def _fetch(name: str, leaf: Any, kept: Path) -> None:
    home = os.environ.get("KINFOLK_DATA")
    wanted = ", ".join(d.name for d in leaf.downloads) or "its folders"
    place = Path(home or "$KINFOLK_DATA") / name
    advice = f"put {wanted} (or the same images as a folder, parquet or npz) into '{place}'"
    if not home:
        advice += ", the variable KINFOLK_DATA set to a folder of your choice"
    if not leaf.downloads:
        raise RequestError(f"'{name}' is not on this machine and cannot be downloaded freely: {advice}.")
    try:
        with files.lock(kept / ".lock", wait=True):
            if not (kept / COMPLETE).exists():
                tell = lines.downloading()
                for published in leaf.downloads:
                    _place(download.fetch(published, kept, tell), kept)
                files.write_text(kept / COMPLETE, "")
    except (WorkError, OSError) as error:
        raise WorkError(f"'{name}' is not on this machine. {error} Or {advice}.") from None


def _place(got: Path, kept: Path) -> None:
    """Unpack a downloaded archive into ``kept`` and delete it; any other file stays as it is."""
    if not archives.is_archive(got.name):
        return
    archives.unpack(got, kept / "unpacked")
    for item in (kept / "unpacked").iterdir():
        shutil.rmtree(kept / item.name, ignore_errors=True)
        os.replace(item, kept / item.name)
    (kept / "unpacked").rmdir()
    got.unlink()
