"""Downloads against a server on this machine: whole, slow, broken off, resumed, wrong, absent."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from kinfolk.core import download
from kinfolk.core.download import Download, fetch
from kinfolk.core.errors import WorkError

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server:
    """Serves CONTENT as ``/file.bin``; ``cuts`` are the bytes after which the next answers break off."""

    def __init__(self) -> None:
        self.cuts: list[int] = []
        self.statuses: list[int] = []
        self.ranges: list[str] = []
        self.knows_ranges = True
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/file.bin"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range", "")
        self.ranges.append(asked)
        if self.statuses:
            request.send_error(self.statuses.pop(0))
            return
        start = int(asked[6:-1]) if asked and self.knows_ranges else 0
        if start >= len(CONTENT):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        request.send_header("Content-Length", str(len(CONTENT) - start))
        request.end_headers()
        end = start + self.cuts.pop(0) if self.cuts else len(CONTENT)
        request.wfile.write(CONTENT[start:end])
        request.close_connection = True

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "PAUSE", 0.001)
    made = Server()
    yield made
    made.close()


def test_a_file_arrives_whole_with_progress(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    path = fetch(Download(server.url, md5=MD5), tmp_path / "new", lambda *p: seen.append(p))
    assert path == tmp_path / "new" / "file.bin"
    assert path.read_bytes() == CONTENT
    assert seen[-1] == ("file.bin", len(CONTENT), len(CONTENT))
    assert [p[1] for p in seen] == sorted(p[1] for p in seen)


def test_a_file_already_there_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"put by hand")
    assert fetch(Download(server.url, md5=MD5), tmp_path).read_bytes() == b"put by hand"
    assert server.ranges == []


def test_a_connection_broken_off_is_taken_up_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.cuts = [100_000, 50_000, 1]
    assert fetch(Download(server.url, md5=MD5), tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=100000-", "bytes=150000-", "bytes=150001-"]


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.cuts, server.knows_ranges = [100_000], False
    assert fetch(Download(server.url, md5=MD5), tmp_path).read_bytes() == CONTENT


def test_what_arrived_is_kept_for_the_next_call(server: Server, tmp_path: Path) -> None:
    server.cuts = [70_000] + [0] * 20
    with pytest.raises(WorkError, match=r"file.bin could not be downloaded from http.*70,000 bytes are kept"):
        fetch(Download(server.url, md5=MD5), tmp_path)
    assert not (tmp_path / "file.bin").exists()
    server.cuts, server.ranges = [], []
    assert fetch(Download(server.url, md5=MD5), tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["bytes=70000-"]


def test_a_slow_server_is_left_and_asked_again(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer stalls for longer than the patience; the second is quick."""
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    plain, stalled = server.answer, threading.Event()

    def stalls(request: BaseHTTPRequestHandler) -> None:
        if stalled.is_set():
            plain(request)
            return
        stalled.set()
        request.send_response(200)
        request.send_header("Content-Length", str(len(CONTENT)))
        request.end_headers()
        request.wfile.write(CONTENT[:1000])
        request.wfile.flush()
        threading.Event().wait(0.6)
        request.close_connection = True

    monkeypatch.setattr(server, "answer", stalls)
    assert fetch(Download(server.url, md5=MD5), tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-"]


@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_a_wrong_checksum_is_refused_and_deleted(server: Server, tmp_path: Path, kind: str) -> None:
    with pytest.raises(WorkError, match=rf"its {kind} is {hashlib.new(kind, CONTENT).hexdigest()} where 00.* deleted"):
        fetch(Download(server.url, **{kind: "0" * 32}), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".file.bin.lock"]


def test_a_partial_file_of_something_else_is_found_out(server: Server, tmp_path: Path) -> None:
    partial = tmp_path / ".file.bin.partial"
    for content in (b"x" * 1000, b"x" * len(CONTENT)):
        partial.write_bytes(content)
        with pytest.raises(WorkError, match="its md5"):
            fetch(Download(server.url, md5=MD5), tmp_path)
    assert fetch(Download(server.url, md5=MD5), tmp_path).read_bytes() == CONTENT


def test_a_partial_file_that_is_already_whole_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".file.bin.partial").write_bytes(CONTENT)
    assert fetch(Download(server.url, md5=MD5), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 403])
def test_what_the_server_refuses_is_told_at_once(server: Server, tmp_path: Path, status: int) -> None:
    server.statuses = [status]
    with pytest.raises(WorkError, match=f"the server answered {status}"):
        fetch(Download(server.url, md5=MD5), tmp_path)
    assert len(server.ranges) == 1


def test_a_server_in_trouble_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 500]
    assert fetch(Download(server.url, md5=MD5), tmp_path).read_bytes() == CONTENT


def test_no_connection_fails_at_once(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"file.bin could not be downloaded from .*refused"):
        fetch(Download("http://127.0.0.1:9/file.bin"), tmp_path)


def test_two_at_once_fetch_it_once(server: Server, tmp_path: Path) -> None:
    threads = [threading.Thread(target=fetch, args=(Download(server.url, md5=MD5), tmp_path)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(server.ranges) == 1
