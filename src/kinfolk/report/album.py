"""Album: every image a report shows, numbered once, with its picture on one sprite sheet."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from kinfolk.report.material import Material, Thumbnails

QUALITIES = (85, 70, 50, 30)
BLOCK = 16  # JPEG with halved colour works in squares of 16 pixels: cells of whole squares do not bleed


class Album:
    """Collects images by (dataset, split, position); the same image of two runs is one."""

    def __init__(self) -> None:
        self.sets: list[dict[str, Any]] = []
        self._sets: dict[tuple[str, str], int] = {}
        self._ids: dict[tuple[int, int], int] = {}
        self._rows: list[list[int]] = []
        self._pictures: list[np.ndarray] = []
        self.pictured = True

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        run: Material,
        split: str,
        positions: np.ndarray,
        labels: np.ndarray | None = None,
        dataset: str = "",
    ) -> np.ndarray:
        """The numbers, int32 (n,), of images at ``positions`` of a split, adding those not seen before.

        ``dataset`` names the data where they are not those of the run.
        """
        sheet = self._sheet_of(run, split, dataset)
        where = self._set(run, split, dataset)
        ids = np.empty(len(positions), np.int32)
        for k, position in enumerate(int(p) for p in positions):
            row = sheet.rows.get(position) if sheet else None
            key = where, position
            if key not in self._ids:
                self._ids[key] = len(self._rows)
                label = int(labels[k]) if labels is not None else -1
                self._rows.append([where, position, label, -1])
            image = self._rows[self._ids[key]]
            if sheet and row is not None:
                image[2] = sheet.labels[row]
                if image[3] < 0:
                    image[3] = len(self._pictures)
                    self._pictures.append(sheet.pixels[row])
            ids[k] = self._ids[key]
        return ids

    def paint(self, name: str, pictures: np.ndarray) -> np.ndarray:
        """The numbers, int32 (n,), of ``pictures`` uint8 (n, h, w, 3) that no dataset holds; ``name`` says whose."""
        self.sets.append({"name": name, "classes": []})
        first = len(self._rows)
        for k, picture in enumerate(pictures):
            self._rows.append([len(self.sets) - 1, k, -1, len(self._pictures)])
            self._pictures.append(picture)
        return np.arange(first, len(self._rows), dtype=np.int32)

    def category(self, image: int) -> str:
        """The class name of an image, or an empty text."""
        where, _, label, _ = self._rows[image]
        classes = self.sets[where]["classes"]
        return "" if label < 0 else classes[label] if label < len(classes) else f"class {label}"

    def describe(self, image: int) -> str:
        """An image in words: its class, split and position."""
        where, position, _, _ = self._rows[image]
        return ", ".join(filter(None, [self.category(image), self.sets[where]["name"], f"image {position}"]))

    def classes(self, run: Material, split: str, dataset: str = "") -> list[str]:
        """The class names of a split, as far as they are known."""
        return list(self.sets[self._set(run, split, dataset)]["classes"])

    def columns(self) -> dict[str, np.ndarray]:
        """For each image: ``set``, ``position``, ``label`` and ``cell``, int32."""
        rows = np.array(self._rows, np.int32).reshape(-1, 4)
        if not self.pictured:
            rows[:, 3] = -1
        return {name: rows[:, k] for k, name in enumerate(("set", "position", "label", "cell"))}

    def sheet(self, room: int) -> dict[str, Any] | None:
        """The sprite sheet as a data URI of at most ``room`` bytes, or None where nothing fits."""
        self.pictured = False
        if not self._pictures:
            return None
        for quality in QUALITIES:
            sheet = self._sheet(quality)
            if len(sheet["uri"]) <= room:
                self.pictured = True
                return sheet
        return None

    def _sheet(self, quality: int) -> dict[str, Any]:
        from PIL import Image

        height, width = (-(-max(p.shape[k] for p in self._pictures) // BLOCK) * BLOCK for k in (0, 1))
        columns = int(np.ceil(np.sqrt(len(self._pictures))))
        sheet = np.full((-(-len(self._pictures) // columns) * height, columns * width, 3), 128, np.uint8)
        for k, picture in enumerate(self._pictures):
            fitted = picture
            if picture.shape[:2] != (height, width):
                fitted = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))
            top, left = k // columns * height, k % columns * width
            sheet[top : top + height, left : left + width] = fitted
        buffer = io.BytesIO()
        Image.fromarray(sheet).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
        uri = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
        return {"uri": uri, "width": width, "height": height, "columns": columns}

    @staticmethod
    def _sheet_of(run: Material, split: str, dataset: str) -> Thumbnails | None:
        return run.thumbnails.get(f"{dataset} {split}".strip())

    def _set(self, run: Material, split: str, dataset: str = "") -> int:
        key = dataset or run.dataset, split
        if key not in self._sets:
            sheet = self._sheet_of(run, split, dataset)
            name = f"{dataset or run.data_name} {split}"
            self._sets[key] = len(self.sets)
            self.sets.append({"name": name, "classes": list(sheet.classes) if sheet else []})
        return self._sets[key]
