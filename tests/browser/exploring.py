"""Exploring: small runs, the command that shows them in a process of its own, and a page that walks through it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from explored import run
from opened import PIXELS, Opened
from PIL import Image

from kinfolk.records.findings import Finding
from kinfolk.records.run import Run

TRAIN, TEST = 160, 80
CLASSES = ["zero", "one", "two", "<b>three</b>", "four", "five", "six", "seven", "eight", "nine"]


def digits(place: Path, labelled: bool = True) -> Path:
    """An archive of handwritten digits, each class in a tint of its own."""
    from sklearn.datasets import load_digits

    found = load_digits()
    grey, labels = found.images[: TRAIN + TEST], found.target[: TRAIN + TEST]
    tint = 0.4 + 0.6 * np.random.default_rng(0).random((10, 3))
    pixels = (np.kron(grey, np.ones((2, 2)))[..., None] * 15 * tint[labels][:, None, None]).astype(np.uint8)
    named = {"labels": labels[:TRAIN], "test_labels": labels[TRAIN:], "classes": np.array(CLASSES)} if labelled else {}
    np.savez(place, images=pixels[:TRAIN], test_images=pixels[TRAIN:], **named)
    return place


def add_maps(place: Path) -> None:
    """Maps of the test images as an evaluation would leave them, places drawn by the run's name."""
    random = np.random.default_rng(len(place.name))
    angle = np.arange(TEST)[:, None] * 2.4 + np.array([0, np.pi / 2])
    for kind in ("tsne", "laplacian", "umap"):
        xy = np.sin(angle) * np.sqrt(np.arange(TEST))[:, None] + random.normal(0, 0.3, (TEST, 2))
        arrays = {"xy": xy.astype(np.float32), "index": np.arange(TEST), "labels": np.zeros(TEST, np.int64)}
        Run(place).add([Finding(f"map_{kind}", "scatter", "test", place.name, {"method": kind}, arrays=arrays)])


def make_runs(folder: Path) -> list[Path]:
    """Three runs on the same images, one on unlabelled ones, one that was broken off."""
    data, bare = digits(folder / "digits.npz"), digits(folder / "photos.npz", labelled=False)
    runs = []
    for seed, name in enumerate(("first", "second", "third", "own", "broken")):
        runs.append(run(folder / name, bare if name == "own" else data, seed))
        if name not in ("own", "broken"):
            add_maps(runs[-1])
    (runs[-1] / "weights.safetensors").unlink()
    (runs[-1] / "findings.jsonl").unlink()
    (runs[-1] / "resume").mkdir()
    return runs


@contextmanager
def serving(runs: list[Path], *flags: str) -> Iterator[str]:
    """The address at which `kinfolk explore` shows the runs."""
    command = [sys.executable, "-m", "kinfolk", "explore", *map(str, runs), "--port", "0", *flags]
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings) as server:
        try:
            said = next((line for line in server.stdout if line.startswith("explore: ")), "")
            yield re.search(r"http://\S+", said)[0].rstrip("/")
        finally:
            server.terminate()
            server.wait(30)


class Visitor(Opened):
    """One window of a person who looks around."""

    def __init__(self, browser, server: str, where: str = "", **context: object) -> None:
        self.server = server
        super().__init__(browser, f"{server}/{where}", accept_downloads=True, **context)

    def visit(self, where: str) -> None:
        """Go to a page of the explorer, and wait until it says that it is complete."""
        self.page.evaluate("where => { delete document.documentElement.dataset.ready; location.hash = where; }", where)
        self.wait("document.documentElement.dataset.ready !== undefined")

    def wait(self, what: str, seconds: float = 240) -> None:
        """Wait until a condition in JavaScript holds; asked from outside, since the page forbids eval."""
        until = time.monotonic() + seconds
        while not self.page.evaluate(what):
            assert time.monotonic() < until, f"not within {seconds} seconds: {what}"
            self.page.wait_for_timeout(30)

    def settle(self) -> None:
        """Wait until what has changed is drawn, and timers of some 100 ms have run."""
        frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.page.wait_for_timeout(120)
        self.page.evaluate(frames)

    def painted(self) -> list[list[int]]:
        """Painted pixels and different colours of every map, once two looks in a row find the same."""
        found: list[list[int]] | None = None
        until = time.monotonic() + 60
        while True:
            self.settle()
            before, found = found, self.page.locator(".map .points").evaluate_all(f"list => list.map({PIXELS})")
            if found == before:
                return found
            assert time.monotonic() < until, f"the maps do not come to rest: {before}, then {found}"

    def rings(self) -> list[int]:
        """Pixels of what lies over each map."""
        return self.page.locator(".map .overlay").evaluate_all(f"list => list.map(c => ({PIXELS})(c)[0])")

    def picture(self, selector: str, place: int = 0) -> np.ndarray:
        """What is really on the screen at an element, (h, w, 3)."""
        shot = self.page.locator(selector).nth(place).screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)

    def forgive(self, status: int) -> None:
        """Leave out that the browser tells of an answer with this status, which the test has asked for."""
        self.complaints[:] = [said for said in self.complaints if f"status of {status}" not in said]

    @property
    def state(self) -> dict[str, str]:
        """The state in the address."""
        from urllib.parse import parse_qsl

        return dict(parse_qsl(self.page.evaluate("location.hash").partition("?")[2]))

    def download(self, press: Callable[[], None]) -> Path:
        """The file that is saved by pressing something."""
        with self.page.expect_download() as found:
            press()
        return Path(found.value.path())

    @property
    def strangers(self) -> list[str]:
        """Requests to anything but the server."""
        own = (self.server, f"blob:{self.server}", "data:")
        return [url for url in self.requests if not url.startswith(own)]
