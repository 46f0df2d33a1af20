"""Peak memory and time of embedding synthetic 32 px images, against their number: `python benchmarks/embed.py`.

Each number of images is embedded by a process of its own, from a memory-mapped file that is written first, by a small
encoder into parquet, as `kinfolk embed` does it. Memory is what the process adds to the import of torch.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from record import environment, record

SIDE, BLOCK = 32, 20_000


def written(path: Path, count: int) -> None:
    """Random images (count, 3, 32, 32), a block of them at a time."""
    pixels = np.lib.format.open_memmap(path, "w+", np.uint8, (count, 3, SIDE, SIDE))
    block = np.random.default_rng(0).integers(0, 256, (BLOCK, 3, SIDE, SIDE), np.uint8)
    for number, start in enumerate(range(0, count, BLOCK)):
        part = pixels[start : start + BLOCK]
        part[:] = block[: len(part)] + np.uint8(number)
    pixels.flush()


def measured(pixels_file: Path, channels: str, threads: int) -> dict[str, float]:
    """Embed one file in this process: seconds, and megabytes above the import of torch."""
    import torch

    from kinfolk.core import registry
    from kinfolk.embed import Embedder, described, kept
    from kinfolk.records.images import Images
    from kinfolk.train.cost import peak_bytes

    torch.set_num_threads(threads)
    before = peak_bytes("cpu")
    pixels = np.load(pixels_file, mmap_mode="r")
    count = len(pixels)
    names = [f"photos/{i:07d}.jpg" for i in range(count)]
    labels, classes = np.arange(count) % 10, tuple("abcdefghij")
    images = Images(pixels, labels, classes, np.arange(count), names, "made", "train", "made")
    encoder = registry.build("encoders", "convnet", SIDE, channels=channels)
    began = time.perf_counter()
    place = pixels_file.with_name("vectors.npy")
    described(kept(Embedder(encoder, "made"), images, place), images, "made").save(place.with_suffix(".parquet"))
    return {"images": count, "seconds": time.perf_counter() - began, "megabytes": (peak_bytes("cpu") - before) / 2**20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", default="100000,200000,400000,1000000")
    parser.add_argument("--channels", default="8,16", help="of the convnet that embeds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--file", type=Path, help="embed this file and print the figures (used by the script itself)")
    arguments = parser.parse_args()
    if arguments.file:
        print(json.dumps(measured(arguments.file, arguments.channels, arguments.threads)))
        return
    rows = []
    for count in map(int, arguments.counts.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pixels.npy"
            written(path, count)
            command = [sys.executable, __file__, "--file", str(path), "--channels", arguments.channels]
            command += ["--threads", str(arguments.threads)]
            rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        seconds, megabytes = rows[-1]["seconds"], rows[-1]["megabytes"]
        print(f"{count:9,} images {seconds:7.1f} s {count / seconds:9,.0f} images/s {megabytes:6,.0f} MB")
    growth = np.polyfit(np.log([r["images"] for r in rows]), np.log([r["seconds"] for r in rows]), 1)[0]
    print(f"cost grows as the number of images to the power {growth:.2f}")
    row = {"rows": rows, "channels": arguments.channels, "threads": arguments.threads, "power": float(growth)}
    record("embed", {**row, **environment()})


if __name__ == "__main__":
    main()
