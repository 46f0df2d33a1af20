"""Runs made without training, and a real server that is asked over a socket."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import uvicorn
from safetensors.torch import save_file

from kinfolk.evaluate.look import look
from kinfolk.explore.command import bound
from kinfolk.explore.explorer import Explorer
from kinfolk.explore.guard import Guard
from kinfolk.explore.server import application
from kinfolk.load.network import build
from kinfolk.records.findings import Finding
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run

CLASSES = ["ant", "<b>bee</b>", "=cat"]
TRAIN, TEST, SIDE = 90, 45, 16


def images(place: Path, seed: int = 0) -> Path:
    """An archive of images whose class is their brightness; the last five of train repeat the first five."""
    random = np.random.default_rng(seed)
    labels = np.arange(TRAIN + TEST) % 3
    pixels = (labels[:, None, None, None] * 60 + random.integers(0, 90, (TRAIN + TEST, SIDE, SIDE, 3))).astype(np.uint8)
    pixels[TRAIN - 5 : TRAIN] = pixels[:5]
    np.savez(
        place, images=pixels[:TRAIN], labels=labels[:TRAIN], test_images=pixels[TRAIN:], test_labels=labels[TRAIN:],
        classes=np.array(CLASSES),
    )
    return place


def run(place: Path, data: Path, seed: int = 0) -> Path:
    """A run with drawn weights, a log and two scores."""
    recipe = Recipe.of({
        "seed": seed, "data": {"name": str(data), "size": SIDE}, "views": {"size": 12}, "evaluate": {"size": SIDE},
        "encoder": {"name": "convnet"}, "train": {"epochs": 2},
    })
    place.mkdir(parents=True)
    (place / "recipe.toml").write_text(recipe.text(), "utf-8")
    method = build(recipe, 12)
    save_file({name: value.contiguous() for name, value in method.state_dict().items()}, place / "weights.safetensors")
    rows: list[dict[str, Any]] = [
        {"epoch": 1, "step": step, "total": 3.0 - step / 10, "terms": {"attraction": -step / 10}} for step in (1, 2)
    ]
    validation = {"train": {"total": 2.5}, "test": {"total": 2.6}}
    rows.append({"epoch": 1, "step": 2, "validation": validation, "watch": {"rankme": 9}})
    (place / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    own = Finding("knn", "score", "test", place.name, {"k": 20}, 0.5 + seed / 10, 0.4, 0.8, "accuracy", True, "k-NN")
    evidence = [{"name": "rank", "value": 9.0, "threshold": 2.0, "says": "ok"}]
    Run(place).add([
        own, replace(own, subject="pixels", value=0.3, low=0.2, high=0.4),
        Finding("verdict", "verdict", "test", place.name, {}, title="Verdict", text="Healthy.",
                data={"verdict": "healthy", "evidence": evidence}),
    ])
    return place


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, in which nothing but JSON stands."""
        return json.loads(self.body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@dataclass
class Asker:
    """A client that may say what no browser would."""

    port: int
    explorer: Explorer

    def __call__(
        self, path: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None,
        **query: object,
    ) -> Answer:
        """One request over its own connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path + (f"?{urlencode(query)}" if query else ""), skip_host=True)
            given = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
            if body is not None and "Transfer-Encoding" not in given:
                given.setdefault("Content-Length", str(len(body)))
            for name, value in given.items():
                connection.putheader(name, value)
            connection.endheaders()
            if body is not None:
                connection.send(body)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def post(self, path: str, value: object, **query: object) -> Answer:
        """One request with JSON."""
        return self(path, "POST", json.dumps(value).encode(), {"Content-Type": "application/json"}, **query)

    def until_ready(self, path: str, **query: object) -> Any:
        """Ask until the computation has ended."""
        for _ in range(2400):
            found = self(path, **query).json
            if found["state"] in ("ready", "failed"):
                assert found["state"] == "ready", found["problem"]
                return found
            time.sleep(0.1)
        pytest.fail(f"{path} was not ready within four minutes")


def served(places: list[Path], token: str = "") -> Iterator[Asker]:
    """A server in a thread of this process, behind its guard, on a port of its own."""
    listening = bound("127.0.0.1", 0)
    port = listening.getsockname()[1]
    explorer = Explorer(places, look)
    explorer.open(lambda text: None)
    config = uvicorn.Config(
        Guard(application(explorer), "127.0.0.1", port, token), log_level="warning", access_log=False, lifespan="off",
        ws="none",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Asker(port, explorer)
    server.should_exit = True
    thread.join(10)
    explorer.close()
    listening.close()
