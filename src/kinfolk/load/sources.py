"""Opens a dataset by name or by path: a catalogue name, ``$KINFOLK_DATA/NAME``, a folder or a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kinfolk.core import files, registry
from kinfolk.core.errors import RequestError, unknown
from kinfolk.datasets import Dataset

GENERAL = ("npz", "parquet", "folder")


def open_dataset(name_or_path: str, **settings: Any) -> Dataset:
    """Open a dataset.

    Args:
        name_or_path: a name of the catalogue, the path of a leaf's Python file, or the path of data: a folder
            of images, a parquet file or a folder of them, an ``.npz`` file, a folder of published files. A
            name wins over a path; write ``./name`` for the path.
        settings: settings of a generated dataset.

    Raises:
        RequestError: neither a known name nor an existing path; nothing readable there; or a published
            dataset that is not on this machine, with what to put where.
    """
    known = registry.leaves("datasets")
    if name_or_path in known or name_or_path.endswith(".py"):
        return _named(name_or_path, settings)
    path = Path(name_or_path).expanduser()
    if path.exists():
        return at(path)
    if os.sep in name_or_path or "/" in name_or_path or path.suffix:
        raise RequestError(f"no data at '{name_or_path}': there is no such file or folder.")
    published = [n for n in known if n not in GENERAL]
    raise unknown("dataset (and no such path)", name_or_path, published)


def at(path: Path, name: str = "") -> Dataset:
    """Open what lies at ``path``; the leaf ``name`` is asked first, special layouts before general ones."""
    special = [n for n in registry.leaves("datasets") if n not in GENERAL and n != name]
    for candidate in ([name] if name else []) + special + list(GENERAL):
        recognises = getattr(registry.leaf("datasets", candidate).open(), "recognises", None)
        if recognises is not None and recognises(path):
            return registry.build("datasets", candidate, path)
    raise RequestError(
        f"'{path}' is not data that can be read: it takes a folder of images, parquet files in the Hugging Face "
        "image layout, or an .npz with 'images'."
    )


def _named(name: str, settings: dict[str, Any]) -> Dataset:
    leaf = registry.leaf("datasets", name).open()
    if not hasattr(leaf, "recognises"):
        return registry.build("datasets", name, **settings)
    if not hasattr(leaf, "downloads"):
        raise RequestError(f"'{name}' is a layout, not data: give the path of the data.")
    home = os.environ.get("KINFOLK_DATA")
    if home:
        for path in (Path(home) / name, Path(home) / f"{name}.npz", Path(home) / f"{name}.parquet"):
            if path.exists():
                return at(path, name)
    kept = files.cache_folder() / "downloads" / name
    if leaf.recognises(kept):
        return registry.build("datasets", name, kept)
    wanted = ", ".join(d.name for d in leaf.downloads)
    raise RequestError(
        f"dataset '{name}' is not on this machine. Put {wanted} (or the images as a folder, parquet or npz) into "
        f"'{Path(home or '$KINFOLK_DATA') / name}'" + ("." if home else ", and set KINFOLK_DATA to the folder above.")
    )
