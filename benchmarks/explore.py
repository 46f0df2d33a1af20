"""The explorer under load: `python benchmarks/explore.py`: first view, clicks, ten clients for a minute, memory.

A server in a process of its own shows two made runs of 60,000 images with 256 features each: groups of normal vectors
around 100 centres, and noise as pictures. Click: one request for the neighbours of an image in both runs. First view:
the page in headless chromium until its map is painted, and the three requests behind it. Clients: threads, each with a
connection of its own, which ask for neighbours of random images and for a sheet of their pictures as fast as they are
answered. Memory: the largest resident size of the server, less what the two files of features hold; the computation of
neighbour lists of all images, which the page asks for, is another process.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from record import environment, record

RUNS = ("one", "two")
SIDE, CLASSES, SHOWN = 32, 100, 12
CHROMIUM = Path("/usr/bin/chromium")
PAINTED = """() => {
  const canvas = document.querySelector(".map .points");
  if (!canvas?.width || document.documentElement.dataset.ready === undefined) return false;
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let painted = 0;
  for (let k = 3; k < data.length; k += 4) painted += data[k] > 0;
  return painted > 5000;
}"""
Answers = list[tuple[float, bool]]


def make(folder: Path, images: int, width: int) -> None:
    """Write features and pictures of both runs."""
    for seed, name in enumerate(RUNS):
        draw = np.random.default_rng(seed)
        centres = draw.normal(size=(CLASSES, width)).astype(np.float32)
        (folder / name).mkdir()
        (folder / name / "findings.jsonl").touch()
        file = folder / name / "train.npy"
        vectors = np.lib.format.open_memmap(file, "w+", np.float32, (images, width))
        for start in range(0, images, 10_000):
            labels = np.arange(start, min(start + 10_000, images)) % CLASSES
            vectors[start : start + len(labels)] = centres[labels] + draw.normal(size=(len(labels), width))
    pixels = np.lib.format.open_memmap(folder / "pixels.npy", "w+", np.uint8, (images, 3, SIDE, SIDE))
    for start in range(0, images, 10_000):
        pixels[start : start + 10_000] = draw.integers(0, 256, pixels[start : start + 10_000].shape)


def look(place: Path, complete: bool = False) -> Any:
    """A made run as `kinfolk evaluate` would leave it: vectors and pixels mapped from their files."""
    from kinfolk.records.features import described
    from kinfolk.records.images import Images
    from kinfolk.records.subject import Subject

    pixels = np.load(place.parent / "pixels.npy", mmap_mode="r")
    index = np.arange(len(pixels))
    names = tuple(f"class {i}" for i in range(CLASSES))
    origins = [f"made/{i:06d}.png" for i in range(len(pixels))]
    images = Images(pixels, index % CLASSES, names, index, origins, "made", "train", "made")
    vectors = np.load(place / "train.npy", mmap_mode="r")
    return Subject(place.name, {("train", "h"): described(vectors, images, place.name)}, {"train": images})


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, int]]:
    """Port and process of a server of both runs."""
    command = [sys.executable, __file__, "--serve", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield int(line.rpartition(":")[2].strip("/\n")), process.pid
        finally:
            process.terminate()


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[float, bool, bytes]:
    """Seconds, whether it was answered, and the body."""
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    return time.perf_counter() - began, answer.status == 200, body


def clicks(port: int, seconds: float, images: int, seed: int, sheets: bool) -> Answers:
    """Clicks one after the other for a while."""
    connection, draw = http.client.HTTPConnection("127.0.0.1", port, timeout=60), random.Random(seed)
    ends, found = time.perf_counter() + seconds, Answers()
    while time.perf_counter() < ends:
        index = draw.randrange(images)
        query = f"split=train&index={index}&k={SHOWN}"
        took, right, body = ask(connection, f"/api/runs/{RUNS[0]}/neighbours?{query}&second={RUNS[1]}")
        found.append((took, right))
        if sheets and right:
            numbers = ",".join(str(image["index"]) for image in json.loads(body)["runs"][0]["nearest"])
            took, right, _ = ask(connection, f"/api/runs/{RUNS[0]}/sheet/train?index={numbers}&size=48")
            found.append((took, right))
    return found


def together(port: int, clients: int, seconds: float, images: int) -> Answers:
    """The clicks of several clients at once."""
    found: Answers = []
    threads = [
        threading.Thread(target=lambda seed=seed: found.extend(clicks(port, seconds, images, seed, True)))
        for seed in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def told(found: Answers) -> dict[str, float]:
    """Figures of many requests, in milliseconds."""
    times = sorted(1000 * took for took, _ in found)
    return {
        "requests": len(found), "errors": sum(not right for _, right in found), "median_ms": statistics.median(times),
        "p95_ms": times[int(0.95 * (len(times) - 1))], "largest_ms": times[-1],
    }


def resident(process: int) -> float:
    """The largest resident size of a process in megabytes."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def first_view(port: int) -> dict[str, float]:
    """Seconds of the requests behind the first view, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    run = f"/api/runs/{RUNS[0]}"
    paths = {"runs": "/api/runs", "map": f"{run}/map/pca?split=train&format=binary",
             "images": f"{run}/images?split=train&format=binary"}
    return {name: ask(connection, path)[0] for name, path in paths.items()}


def drawn(port: int, rounds: int) -> list[float] | None:
    """Seconds from asking for the page until its map is drawn, in fresh windows; None without a browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if not CHROMIUM.exists():
        return None
    found = []
    with sync_playwright() as playwright:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        for _ in range(rounds):
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            began = time.perf_counter()
            page.goto(f"http://127.0.0.1:{port}/#map?run={RUNS[0]}&split=train")
            page.wait_for_function(PAINTED, timeout=120_000)
            found.append(time.perf_counter() - began)
            page.context.close()
        browser.close()
    return found


def measure(arguments: argparse.Namespace) -> None:
    """Take all figures, print and record them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, arguments.images, arguments.width)
        began = time.perf_counter()
        with served(folder) as (port, process):
            opened = time.perf_counter() - began
            requests = first_view(port)
            alone = told(clicks(port, arguments.alone, arguments.images, 99, False))
            crowd = told(together(port, arguments.clients, arguments.seconds, arguments.images))
            views = drawn(port, arguments.rounds)
            memory = resident(process)
    features = 2 * 4 * arguments.images * arguments.width / 2**20
    print(f"{arguments.images:,} images x {arguments.width} in two runs; opened in {opened:.1f} s")
    print(f"  one client     {alone['median_ms']:7.0f} ms a click, 95th percentile {alone['p95_ms']:.0f} ms")
    print(f"  {arguments.clients:2} clients     {crowd['median_ms']:7.0f} ms, 95th percentile {crowd['p95_ms']:.0f} ms,"
          f" {crowd['requests']:,.0f} requests, {crowd['errors']:.0f} errors")
    print(f"  first view     {sum(requests.values()) * 1000:7.0f} ms for its requests; in the browser "
          + (f"{statistics.median(views):.2f} s" if views else "not measured: no browser"))
    print(f"  memory         {memory:7.0f} MB, {memory - features:.0f} MB beside {features:.0f} MB of features")
    record("explore", {
        "images": arguments.images, "width": arguments.width, "opened_seconds": opened, "requests_seconds": requests,
        "one_client": alone, "clients": arguments.clients, "client_seconds": arguments.seconds, "together": crowd,
        "browser_seconds": views, "megabytes": memory, "features_megabytes": features, **environment(),
    })


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60, help="how long the clients click")
    parser.add_argument("--alone", type=float, default=10, help="how long one clicks before")
    parser.add_argument("--rounds", type=int, default=3, help="first views in the browser")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        from kinfolk.explore.command import serve

        serve([arguments.serve / name for name in RUNS], look, port=0)
    else:
        measure(arguments)


if __name__ == "__main__":
    main()
