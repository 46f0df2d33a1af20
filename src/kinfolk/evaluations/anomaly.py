"""Telling images of another dataset from normal ones: ROC curves, and whether the top anomalies are all alike.

Papers: Bergman et al. 2020, "Deep nearest neighbor anomaly detection" (k = 2, Euclidean); Lee et al. 2018
(Mahalanobis, here one Gaussian with Ledoit and Wolf's shrinkage).
Protocol: bank = the training split; tested on the test split and the anomalous images, which are the positive class
and come in the size and the three channels of the normal ones (``load``).
Cost: O((test + anomalies) x train x D + train x D^2 + D^3).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np

from kinfolk.numerics import draws, linalg, roc
from kinfolk.numerics.nearest import nearest
from kinfolk.records.features import Features
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject

TITLES = {
    "euclidean": "distance to 2 neighbours", "cosine": "cosine to 20 neighbours", "mahalanobis": "Mahalanobis distance",
}
SHOWN = "euclidean"


class Anomaly:
    """AUC and false positives of three scores, their curves, the most anomalous images and how alike they are."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "anomalies"})
    floors: ClassVar[bool] = True
    unchanged_by: ClassVar[frozenset[str]] = frozenset({"rotation", "scaling"})

    def __init__(
        self,
        *,
        top: Annotated[int, "[2, 10000]", "anomalies compared with each other"] = 100,
        shown: Annotated[int, "[1, 1000]", "images shown"] = 40,
        resamplings: Annotated[int, "[10, 100000]", "bootstrap draws"] = 500,
    ) -> None:
        self.top, self.shown, self.resamplings = top, shown, resamplings

    def measure(self, subject: Subject) -> list[Finding]:
        """Three scores for each way of scoring, one curve, one table, one gallery."""
        train, test, odd = (subject.get(role) for role in ("train", "test", "anomalies"))
        common = {**subject.conditions(train=train, test=test, anomalies=odd), "anomalous": odd.dataset}
        both = np.concatenate([test.vectors, odd.vectors])
        findings: list[Finding] = []
        series: dict[str, list[float]] = {}
        rows: list[list[Any]] = []
        grid = np.linspace(0, 1, 101)
        found_by = scores(train.vectors, both)
        for name, score in found_by.items():
            normal, anomalous = score[: len(test)], score[len(test) :]
            protocol = {**common, "score": name, "draws": self.resamplings}
            found = self._scores(subject, protocol, anomalous, normal)
            false, true = roc.curve(anomalous, normal)
            series[TITLES[name]] = np.interp(grid, false, true).tolist()
            rows.append([TITLES[name], found[0].value, *self._alike(score, both, test, odd)])
            findings += [*found, self._likeness(subject, {**common, "score": name, "top": self.top}, rows[-1])]
        findings.append(Finding(
            "anomaly_roc", "curve", "test", subject.name, common, title="ROC curves",
            text=f"Normal: {test.dataset}; anomalous: {odd.dataset}, brought to the normal images' size "
            f"({subject.protocol.get('size', 'unknown')} px) and three channels.",
            data={"x": grid.tolist(), "series": series, "x_label": "normal images above the threshold",
                  "y_label": "anomalies found"},
        ))
        columns = ["score", "AUC", "variation of top scores", "similarity in top", "similarity at random",
                   "class entropy of top", "anomalous in top"]
        best = max(rows, key=lambda row: row[1])
        findings.append(Finding(
            "anomaly_top", "table", "test", subject.name, {**common, "top": self.top},
            title="Are the top anomalies all alike?", data={"columns": columns, "rows": rows},
            text=f"By {best[0]} the {self.top} most anomalous images have a mean similarity of {best[3]:.2f} among "
            f"each other, against {best[4]:.2f} for anomalies at random; their scores vary by {best[2]:.1%}.",
        ))
        return [*findings, self._gallery(subject, common, found_by[SHOWN][len(test) :], odd)]

    def _scores(
        self, subject: Subject, protocol: dict[str, object], anomalous: np.ndarray, normal: np.ndarray
    ) -> list[Finding]:
        title = TITLES[str(protocol["score"])]
        area, false = roc.auc(anomalous, normal), roc.false_positives(anomalous, normal)
        low, high = roc.interval(roc.auc, anomalous, normal, self.resamplings)
        least, most = roc.interval(roc.false_positives, anomalous, normal, self.resamplings)
        return [
            Finding(
                "anomaly_auc", "score", "test", subject.name, protocol, area, low, high, "AUC", True,
                title=f"Anomalies by {title}",
                text=f"By {title}, an anomaly stands above a normal image in {area:.1%} of pairs.",
            ),
            Finding(
                "anomaly_fpr95", "score", "test", subject.name, protocol, false, least, most,
                "false positive rate", False, title=f"False alarms by {title}",
                text=f"To find 95 % of the anomalies by {title}, {false:.1%} of normal images are taken for them.",
            ),
        ]

    def _likeness(self, subject: Subject, protocol: dict[str, object], row: list[Any]) -> Finding:
        """The likeness among the top anomalies minus that among anomalies at random.

        The difference, because cosines themselves differ between models: where all vectors point one way,
        anomalies at random are as alike as those at the top.
        """
        title, more = TITLES[str(protocol["score"])], row[3] - row[4]
        return Finding(
            "anomaly_excess_likeness", "score", "test", subject.name, protocol, more, unit="difference of cosines",
            title=f"Likeness of the top anomalies beyond that of anomalies at random, by {title}",
            text=f"By {title}, the most anomalous images have a mean similarity of {row[3]:.3f} among each other, "
            f"anomalies at random {row[4]:.3f}.",
        )

    def _alike(self, score: np.ndarray, vectors: np.ndarray, test: Features, odd: Features) -> list[float]:
        """Variation of the top scores, similarity within them and at random, class entropy, anomalous share.

        The entropy is over the classes of the normal and of the anomalous images, 1 where all are equally frequent.
        """
        top = np.argsort(-score, kind="stable")[: self.top]
        chosen = draws.subset(odd.index, self.top)
        known = max(1, int(test.labels.max()) + 1)
        labels = np.concatenate([test.labels, np.where(odd.labels >= 0, odd.labels + known, -1)])
        share = np.unique(labels[top], return_counts=True)[1] / len(top)
        most = np.log(max(2, len(np.unique(labels))))
        entropy = max(0.0, float(-(share * np.log(share)).sum() / most))
        return [
            float(score[top].std() / max(abs(score[top].mean()), 1e-12)),
            linalg.similarity_moments(vectors[top])[0],
            linalg.similarity_moments(odd.vectors[chosen])[0] if len(chosen) > 1 else 1.0,
            entropy,
            float((top >= len(test)).mean()),
        ]

    def _gallery(
        self, subject: Subject, common: dict[str, object], score: np.ndarray, odd: Features
    ) -> Finding:
        top = np.argsort(-score, kind="stable")[: self.shown]
        return Finding(
            "anomaly_images", "gallery", "test", subject.name,
            {**common, "score": SHOWN, "shown": len(top)}, title="Most anomalous images",
            text=f"The {len(top)} images of {odd.dataset} farthest from the training images by {TITLES[SHOWN]}.",
            data={"split": "anomalies", "dataset": odd.dataset},
            arrays={"images": odd.index[top], "score": score[top].astype(np.float32)},
        )


def scores(train: np.ndarray, vectors: np.ndarray) -> dict[str, np.ndarray]:
    """How anomalous (M, D) is against the bank (N, D), three ways, each (M,): larger is more anomalous."""
    near, far = min(2, len(train)), min(20, len(train))
    mean, cov = linalg.ledoit_wolf(train)
    values, axes = np.linalg.eigh(cov)
    kept = values > 1e-10 * values[-1]
    whitened = ((vectors - mean) @ axes[:, kept]) / np.sqrt(values[kept])
    return {
        "euclidean": nearest(vectors, train, near, metric="euclidean")[1].mean(1, dtype=np.float64),
        "cosine": 1 - nearest(vectors, train, far)[1].mean(1, dtype=np.float64),
        "mahalanobis": np.sqrt((whitened**2).sum(1)),
    }
