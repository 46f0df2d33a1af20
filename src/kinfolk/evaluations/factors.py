"""What a ridge regression reads of the factors that images were generated from: position, size, rotation, colour.

Only for data whose factors are known, such as `shapes`; any subject can be measured on them, also a run that was
trained on other images: `kinfolk evaluate RUN --data shapes --only factors`.
Protocol: features and factors standardised, the penalty with the least leave-one-out error on train, for each target on
its own. A number by R2; an angle (`rotation`, `hue`) as its cosine and sine, by their common R2, and only on images
whose class shows it (a circle has no rotation); the class, by the largest of the regressions on its indicators, by
accuracy. R2 is 0 for who says the mean, and can be below. Intervals: bootstrap over test images; Wilson.
Cost: O(images x D x min(images, D)).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws, ridge
from kinfolk.numerics.stats import wilson
from kinfolk.records.findings import Finding
from kinfolk.records.images import Images
from kinfolk.records.subject import Subject

CLASS = "class"
LEAST_IMAGES = 10


class Factors:
    """One score for each factor, and a table of all."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "images", "factors"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"scaling"})

    def __init__(
        self,
        *,
        images: Annotated[int, "[8, inf)", "training images at most, chosen by a hash of their index"] = 2000,
    ) -> None:
        self.images = images

    def measure(self, subject: Subject) -> list[Finding]:
        """The scores, best first in the table; a factor that does not vary, or is hardly shown, is left out."""
        train, test = subject.get("train"), subject.get("test")
        rows = {"train": draws.subset(train.index, self.images), "test": np.arange(len(test))}
        images = {role: subject.images[role].take(chosen) for role, chosen in rows.items()}
        vectors = {"train": train.vectors[rows["train"]], "test": test.vectors}
        common = subject.conditions(train=train.take(rows["train"]), test=test)
        found = []
        for names in together(images):
            kept = {role: shown(part, names[0]) for role, part in images.items()}
            wanted = {role: [targets(part.take(kept[role]), name) for name in names] for role, part in images.items()}
            fitted, judged = (vectors[role][kept[role]] for role in ("train", "test"))
            read = ridge.predicted(fitted, np.concatenate(wanted["train"], 1), judged)
            ends = np.cumsum([part.shape[1] for part in wanted["test"]])[:-1]
            for name, guess, truth in zip(names, np.split(read, ends, 1), wanted["test"], strict=True):
                found.append(scored(subject.name, {**common, "factor": name}, guess, truth))
        return [*found, table(subject.name, common, found)] if found else []


def together(images: dict[str, Images]) -> list[list[str]]:
    """The factors that can be scored, those that the same images show side by side, as one regression reads them."""
    names = set(images["train"].factors) & set(images["test"].factors)
    groups: dict[bytes, list[str]] = {}
    for name in [CLASS, *sorted(names - set(images["train"].card.get("unordered", ())))]:
        kept = {role: shown(part, name) for role, part in images.items()}
        if min(map(len, kept.values())) < LEAST_IMAGES:
            continue
        if all(np.ptp(targets(part.take(kept[role]), name), 0).max() > 0 for role, part in images.items()):
            groups.setdefault(b"".join(rows.tobytes() for rows in kept.values()), []).append(name)
    return list(groups.values())


def shown(images: Images, name: str) -> np.ndarray:
    """Positions of the images that show a factor: those of the classes that the data names for it, or all."""
    classes = images.card.get("shown_by", {}).get(name)
    if name == CLASS:
        return np.flatnonzero(images.labels >= 0)
    if classes is None:
        return np.arange(len(images))
    return np.flatnonzero(np.isin(images.labels, [images.classes.index(c) for c in classes if c in images.classes]))


def targets(images: Images, name: str) -> np.ndarray:
    """What is regressed: (n, 1) of a number, (n, 2) of an angle, (n, classes) of the class."""
    if name == CLASS:
        return np.eye(len(images.classes))[images.labels]
    values, period = images.factors[name], images.card.get("periods", {}).get(name)
    if period is None:
        return values[:, None]
    turn = 2 * np.pi * values / period
    return np.stack([np.cos(turn), np.sin(turn)], 1)


def scored(subject: str, protocol: dict[str, object], read: np.ndarray, wanted: np.ndarray) -> Finding:
    """Accuracy of the class, R2 of any other factor."""
    name = protocol["factor"]
    unit = "accuracy" if name == CLASS else "R2"
    if name == CLASS:
        right = int((read.argmax(1) == wanted.argmax(1)).sum())
        value, (low, high) = right / len(wanted), wilson(right, len(wanted))
    else:
        value, low, high = ridge.r2(read, wanted)
    return Finding(
        "factor", "score", "test", subject, protocol, value, low, high, unit, True,
        title=f"Factors read from the embedding: {name}",
        text=f"{name} is read with {'an R2' if unit == 'R2' else 'an accuracy'} of {value:.2f}.",
        data={"chance": float(wanted.mean(0).max()) if name == CLASS else 0.0, "test_images": len(wanted)},
    )


def table(subject: str, protocol: dict[str, object], found: list[Finding]) -> Finding:
    """All factors, the best read first."""
    ordered = sorted(found, key=lambda f: -(f.value or 0))
    numbers = [f for f in ordered if f.unit == "R2"]
    said = f"Of what has a scale {numbers[0].protocol['factor']} is read best (R2 {numbers[0].value:.2f}), " \
           f"{numbers[-1].protocol['factor']} worst ({numbers[-1].value:.2f})." if numbers else "No factor has a scale."
    return Finding(
        "factors", "table", "test", subject, protocol, title="What the embedding tells of how an image was generated",
        text=said, data={
            "columns": ["factor", "unit", "value", "low", "high", "chance"],
            "rows": [[f.protocol["factor"], f.unit, f.value, f.low, f.high, f.data["chance"]] for f in ordered],
        },
    )
