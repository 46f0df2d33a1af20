"""The command itself, as a process: its address, its refusals, how it ends."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kinfolk.explore.shelf import checked

ADDRESS = re.compile(r"explore: http://([^/]+):(\d+)/(?:\?token=(\S+))?")


@contextmanager
def started(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], re.Match[str]]]:
    """A running explorer and the address it printed."""
    command = [sys.executable, "-m", "kinfolk", "explore", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = ADDRESS.match(line)
            assert found, (line, process.stderr.read() if process.stderr and not line else "")
            yield process, found
        finally:
            process.kill()


def get(port: str, path: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)) as connection:
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def refused(*arguments: object, code: str = "from kinfolk.cli import main; main()") -> str:
    """What the command says when it ends with status 2."""
    command = [sys.executable, "-c", code, "explore", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_prints_its_address_answers_there_and_ends_with_ctrl_c(made: Path) -> None:
    with started(made / "first", made / "second", "--port", 0) as (process, address):
        host, port, token = address.groups()
        assert (host, token) == ("127.0.0.1", None)
        assert get(port, "/")[0] == 200
        assert b'"second"' in get(port, "/api/runs")[1]
        assert "--port 0" in refused(made / "first", "--port", port)
        get(port, "/api/runs/first/columns?split=train")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert time.monotonic() - began < 15
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", int(port)), 1)


def test_a_folder_of_runs_stands_for_its_runs(made: Path) -> None:
    assert {place.name for place in checked([made])} == {"first", "second", "other", "begun"}


def test_another_host_makes_a_token_that_every_request_needs(made: Path) -> None:
    with started(made / "first", "--port", 0, "--host", "0.0.0.0") as (_, address):
        _, port, token = address.groups()
        assert len(token) >= 32
        assert get(port, "/api/runs")[0] == 401
        assert get(port, f"/api/runs?token={token}")[0] == 200
        assert get(port, f"/api/runs?token={token}", "evil.example")[0] == 403


def test_what_cannot_be_shown_is_refused_in_words(made: Path, tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "absent")
    assert "not a run folder" in refused(tmp_path)
    assert "given twice" in refused(made / "first", made / "first")


def test_missing_packages_are_named_with_their_extra(made: Path) -> None:
    without = "import sys; sys.modules['fastapi'] = None; from kinfolk.cli import main; main()"
    assert "kinfolk[explore]" in refused(made / "first", code=without)
