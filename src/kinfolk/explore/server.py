"""Server: the application: addresses, pages of the package, and errors as one sentence of JSON."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kinfolk import __version__
from kinfolk.core.errors import KinfolkError
from kinfolk.explore.api import images, maps, neighbours, runs, shapes
from kinfolk.explore.explorer import Explorer
from kinfolk.explore.refusal import Refusal

KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"model": shapes.Problem} for status in (400, 401, 403, 404, 408, 409, 413)
}


def application(explorer: Explorer) -> FastAPI:
    """Everything that is answered; `guard` stands before it."""
    app = FastAPI(
        title="kinfolk explore", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False,
        responses=REFUSED, description="What the explorer's page shows, as JSON.",
    )
    app.state.explorer = explorer
    for part in (runs, images, maps, neighbours):
        app.include_router(part.router)
    show = file_of(pages("kinfolk.explore"))
    app.get("/", include_in_schema=False)(lambda: show("index.html"))
    app.get("/page/{name}", include_in_schema=False)(show)
    app.get("/shared/{name}", include_in_schema=False)(file_of(pages("kinfolk.report")))
    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(KinfolkError, impossible)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, failed)
    app.add_exception_handler(Exception, broken)
    return app


def pages(package: str) -> dict[str, tuple[bytes, str]]:
    """The files of a package's page by name, read once: no name from a request becomes a path."""
    found = {}
    for file in resources.files(package).joinpath("page").iterdir():
        suffix = f".{file.name.rpartition('.')[2]}"
        if suffix in KINDS and file.is_file():
            found[file.name] = file.read_bytes(), f"{KINDS[suffix]}; charset=utf-8"
    return found


def file_of(known: dict[str, tuple[bytes, str]]) -> Callable[[str], Response]:
    """Answers with one of these files."""

    def show(name: str) -> Response:
        if name not in known:
            raise Refusal(404, "no such page.")
        body, kind = known[name]
        return Response(body, headers={"Content-Type": kind, "Cache-Control": "no-cache"})

    return show


def refused(request: Request, error: Exception) -> Response:
    """A refusal as JSON."""
    assert isinstance(error, Refusal)
    return JSONResponse({"error": error.message}, error.status)


def impossible(request: Request, error: Exception) -> Response:
    """What a run folder does not allow, in the words of the command line."""
    return JSONResponse({"error": str(error)}, 409)


def invalid(request: Request, error: Exception) -> Response:
    """The first parameter that is wrong."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first.get("loc", ())[1:]) or "body"
    return JSONResponse({"error": f"{where[:100]}: {str(first.get('msg', 'not accepted'))[:300]}."}, 400)


def failed(request: Request, error: Exception) -> Response:
    """An address that is not there, or a wrong method."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": f"{str(error.detail)[:300]}."}, error.status_code, headers=error.headers)


def broken(request: Request, error: Exception) -> Response:
    """A fault of the server: what it was stands in the terminal."""
    return JSONResponse({"error": "the server failed at this; the terminal says why."}, 500)
