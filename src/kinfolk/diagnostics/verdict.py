"""Verdict: whether the embedding is healthy or what ails it, with evidence, thresholds and what to try.

Looks at h, and at z where there is one. ``also`` names what else was found beside the gravest. SPREAD and RANK are
those of ``numerics.collapse``, by which the watch warns during training.

* complete collapse: all images share one vector: the variance is under SPREAD of the mean square length (more for z)
* dimensional collapse: the effective rank (RankMe of the centred features) is under RANK of what width and number
  of images allow (Hua et al. 2021; Jing et al. 2022)
* local collapse: the local dimension (TwoNN, Facco et al. 2017) is under LOCAL of the effective rank, of which no
  more than RESOLVED count: some thousand points do not show a higher local dimension
* not better than floor: k-NN accuracy (k = 20) is not above that of pixels and of colour histograms
* colour shortcut: more than COLOUR_WITHIN of the neighbours are among the nearest 1 % by histogram within the class
  (without labels: more than COLOUR of them within all of train)
* background shortcut: blurring the border changes the neighbours BACKGROUND times as much as blurring the centre
* hubs: the skewness of k-occurrence (k = 10) is over HUBS (Radovanovic et al. 2010)

Fewer than FEW test images, no labels to compare with the floors by, and a training of fewer than EARLY steps, after
which z is not judged, are said beside the verdict.

Cost: O(images^2 x D + D^3); two passes of the queries through the encoder where it is at hand.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np

from kinfolk.numerics import dimension, draws, pixels, probe, ranking
from kinfolk.numerics.collapse import EARLY, Extent
from kinfolk.numerics.histogram import colour_histogram
from kinfolk.numerics.nearest import nearest
from kinfolk.records.features import Features
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject

LOCAL = 0.1
RESOLVED = 40
COLOUR, COLOUR_WITHIN = 0.3, 0.2
BACKGROUND = 2.0
HUBS = 10.0
CLOSEST = 0.01
FEW = 200
FLOOR = "k-NN accuracy"

ADVICE = {
    "healthy": "Nothing to mend was found; compare with other runs by their scores.",
    "complete collapse": "Check what keeps images apart: negatives, variance term, predictor, stop-gradient, centring; "
    "lower the learning rate, lengthen the warm-up.",
    "dimensional collapse": "Raise the weight of the variance or covariance term, widen the projector, add stronger "
    "augmentations, or lower the weight decay.",
    "local collapse": "Images gather on a few points or lines: soften the temperature, weaken the invariance term, "
    "train for fewer epochs, or add more varied images.",
    "not better than floor": "Train for longer, check that the augmentations leave the content in place, and that the "
    "learning rate is neither far too high nor too low.",
    "colour shortcut": "Add colour jitter and random greyscale, or make them stronger.",
    "background shortcut": "Use larger crops so that views share the object, or images with more varied backgrounds.",
    "hubs": "Centre the features before searching, use fewer dimensions, or rank by mutual neighbours.",
}
GRAVEST = tuple(ADVICE)[1:]


class Verdict:
    """One verdict for each subject."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test"})
    floors: ClassVar[bool] = False

    def __init__(
        self,
        *,
        images: Annotated[int, "[100, 100000]", "training images at most"] = 10_000,
        queries: Annotated[int, "[20, 100000]", "test images at most"] = 2000,
    ) -> None:
        self.images, self.queries = images, queries

    def measure(self, subject: Subject) -> list[Finding]:
        """The verdict; none for fewer than 100 training or 20 test images."""
        train, test = subject.get("train"), subject.get("test")
        if len(train) < 100 or len(test) < 20:
            return []
        bank, rows = draws.subset(train.index, self.images), draws.subset(test.index, self.queries)
        train, test = train.take(bank), test.take(rows)
        evidence = _collapse(train, train.layer)
        projected = ("train", "z") in subject.features
        early = projected and subject.steps is not None and subject.steps < EARLY
        if projected and not early:
            evidence += _collapse(subject.get("train", "z").take(bank), "z")
        evidence.append(_hubs(train))
        if "images" in subject.offers and {"train", "test"} <= set(subject.images):
            seen = subject.images["train"].pixels[bank], subject.images["test"].pixels[rows]
            evidence += _shortcuts(subject, train, test, *seen)
        found = [name for name in GRAVEST if any(row["says"] == name for row in evidence)]
        verdict = found[0] if found else "healthy"
        grave = [row for row in evidence if found and row["says"] == verdict]
        told = "; ".join(f"{row['name']} is {row['value']:.3g} (threshold {row['threshold']:.3g})" for row in grave)
        unsure = [f"z not judged before step {EARLY}, here after {subject.steps}"] if early else []
        unsure += [f"only {len(test)} test images looked at"] if len(test) < FEW else []
        unsure += [] if any(row["name"] == FLOOR for row in evidence) else ["no labels to compare with pixels by"]
        text = f"{verdict[0].upper()}{verdict[1:]}: {told or f'none of {len(evidence)} tests found a fault'}"
        text += f" ({', '.join(unsure)})" if unsure else ""
        return [Finding(
            "verdict", "verdict", "test", subject.name, subject.conditions(train=train, test=test),
            title="Verdict", text=text + ".",
            data={"verdict": verdict, "also": found[1:], "evidence": evidence, "unsure": unsure,
                  "advice": ADVICE[verdict]},
        )]


def _evidence(name: str, value: float, threshold: float, wrong: bool, says: str) -> dict[str, Any]:
    return {"name": name, "value": float(value), "threshold": float(threshold), "says": says if wrong else "healthy"}


def _collapse(train: Features, layer: str) -> list[dict[str, Any]]:
    """Complete, dimensional and local collapse of one layer."""
    seen = Extent.of(train.vectors, "z" if layer == "z" else "h")
    near = train.take(draws.subset(train.index, 5000, stream=1))
    local, expected = dimension.two_nn(near.vectors), LOCAL * min(seen.rank, RESOLVED)
    spread = f"variance of {layer} over its mean square"
    return [
        _evidence(spread, seen.spread, seen.apart, seen.complete, "complete collapse"),
        _evidence(f"effective rank of {layer}", seen.rank, seen.least, seen.dimensional, "dimensional collapse"),
        _evidence(f"local dimension of {layer}", local, expected, local < expected, "local collapse"),
    ]


def _hubs(train: Features) -> dict[str, Any]:
    found, _ = nearest(train.vectors, train.vectors, min(10, len(train) - 1), exclude=np.arange(len(train)))
    skewness = ranking.skewness(ranking.occurrence(found, len(train)))
    return _evidence("skewness of k-occurrence", skewness, HUBS, skewness > HUBS, "hubs")


def _shortcuts(
    subject: Subject, train: Features, test: Features, bank: np.ndarray, queries: np.ndarray
) -> list[dict[str, Any]]:
    """Colour, floor and background, as far as labels and encoder allow."""
    colours = colour_histogram(queries), colour_histogram(bank)
    flat = pixels.pixels_floor(bank)
    mean = flat.mean(0)
    raw = pixels.pixels_floor(queries) - mean, flat - mean
    labels = "labels" in subject.offers
    share = _colour_share(colours, test, train, labels)
    most = COLOUR_WITHIN if labels else COLOUR
    evidence = [_evidence("neighbours that colour explains", share, most, share > most, "colour shortcut")]
    if labels:
        accuracy, *floors = (
            _accuracy(q, b, test, train) for q, b in ((test.vectors, train.vectors), raw, colours)
        )
        wrong = accuracy <= max(floors) and accuracy < 1
        evidence.append(_evidence(FLOOR, accuracy, max(floors), wrong, "not better than floor"))
    if subject.encode is not None:
        before, _ = nearest(test.vectors, train.vectors, min(20, len(train)))
        altered = (subject.encode(change(queries)) for change in (pixels.border_blurred, pixels.centre_blurred))
        border, centre = (
            1 - ranking.shared(before, nearest(vectors, train.vectors, before.shape[1])[0]).mean()
            for vectors in altered
        )
        times = border / max(centre, 1e-3)
        evidence.append(_evidence(
            "change under a blurred border over that under a blurred centre", times, BACKGROUND, times > BACKGROUND,
            "background shortcut",
        ))
    return evidence


def _colour_share(
    colours: tuple[np.ndarray, np.ndarray], test: Features, train: Features, labels: bool
) -> float:
    """Share of up to 20 neighbours among the nearest 1 % by colour; with labels, within classes of 100 or more."""
    groups = [(np.arange(len(test)), np.arange(len(train)))]
    if labels:
        both = ((np.flatnonzero(test.labels == c), np.flatnonzero(train.labels == c)) for c in np.unique(test.labels))
        within = [(q, b) for q, b in both if len(q) and len(b) >= 1 / CLOSEST]
        groups = within or groups
    shares = []
    for q, b in groups:
        found, _ = nearest(test.vectors[q], train.vectors[b], max(1, min(20, round(CLOSEST * len(b)))))
        shares.append(ranking.among_closest(found, colours[0][q], colours[1][b], CLOSEST))
    return float(np.concatenate(shares).mean())


def _accuracy(queries: np.ndarray, bank: np.ndarray, test: Features, train: Features) -> float:
    q, b = np.flatnonzero(test.labels >= 0), np.flatnonzero(train.labels >= 0)
    predicted = probe.by_neighbours(bank[b], train.labels[b], queries[q], (20,), 0.1)
    return float((next(iter(predicted.values())) == test.labels[q]).mean())
