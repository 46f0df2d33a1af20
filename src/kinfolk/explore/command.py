"""Command `kinfolk explore`: its flags, the address it listens on, and what it prints."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinfolk.core.errors import RequestError

if TYPE_CHECKING:
    from kinfolk.explore.shelf import Look

LOCAL = "127.0.0.1"
PORT = 8321


def exploring(opener: str) -> Callable[..., None]:
    """The command; ``opener`` names the module whose ``look`` opens a run: (place, embed if missing) -> Subject."""

    def explore(
        runs: Annotated[list[Path], typer.Argument(help="Runs, folders of runs, features files (.npz, .parquet).")],
        port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = PORT,
        host: Annotated[str, typer.Option(help="Listen on this address; another needs a token.")] = LOCAL,
        token: Annotated[str, typer.Option(help="What requests must carry; made for another --host.")] = "",
    ) -> None:
        """Open a page to look at runs: maps, neighbours, odd images, losses while they train. Ctrl-C ends it."""
        serve(runs, import_module(opener).look, host, port, token)

    return explore


def serve(places: list[Path], look: Look, host: str = LOCAL, port: int = PORT, token: str = "") -> None:
    """Listen until interrupted; the address is printed on stdout as soon as pages are answered.

    Raises:
        RequestError: a package is missing, a place cannot be shown, or the port is taken.
    """
    missing = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    if missing:
        raise RequestError(f"explore needs {' and '.join(missing)}: pip install 'kinfolk[explore]'.")
    import secrets

    import uvicorn

    from kinfolk.core.lines import say
    from kinfolk.explore.explorer import Explorer
    from kinfolk.explore.guard import Guard, address, loopback
    from kinfolk.explore.server import application
    from kinfolk.explore.shelf import checked

    places = checked(places)
    listening = bound(host, port)
    port = listening.getsockname()[1]
    if not loopback(host):
        token = token or secrets.token_urlsafe(24)
    explorer = Explorer(places, look)
    config = uvicorn.Config(
        Guard(application(explorer), host, port, token), log_level="warning", access_log=False, server_header=False,
        lifespan="off", ws="none", timeout_graceful_shutdown=2,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        explorer.open(say)
        typer.echo(f"explore: {address(host, port, token)}")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):  # which asyncio now and then takes for the end of its task
            uvicorn.Server(config).run(sockets=[listening])
        sys.exit(128 + signal.SIGINT)
    finally:
        explorer.close()
        listening.close()


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        RequestError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host.strip("[]"), port))
        found.listen(128)
    except OSError as error:
        found.close()
        why = error.strerror or str(error)
        raise RequestError(f"cannot listen on {host}:{port}: {why}. --port 0 takes any port that is free.") from None
    return found
