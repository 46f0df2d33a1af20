"""Guard: what every request passes first: host, token, origin and size; and the headers that every answer carries."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kinfolk.explore.refusal import Refusal

UPLOAD, BODY = 20_000_000, 2_000_000
SECONDS = 60.0
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Wraps the application; nothing behind it sees a request from elsewhere, without the token, or too large.

    Args:
        app: what answers.
        host: the address that is listened on; port: its port.
        token: what every request must carry, as a cookie, ``Authorization: Bearer`` or ``?token=``; empty for none.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, token: str) -> None:
        self.app, self.host, self.port, self.token = app, host, port, token
        self.cookie = f"kinfolk-{port}"
        self.uploads = asyncio.Semaphore(2)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers, dressed = Headers(scope=scope), self._dressed(scope, send)
        try:
            self._host(headers)
            if self.token and self._arriving(scope):
                await self._welcome(scope)(scope, receive, dressed)
                return
            self._token(headers, scope)
            if scope["method"] not in ("GET", "HEAD"):
                self._origin(headers)
                receive = await self._body(headers, scope, receive)
        except Refusal as refusal:
            await JSONResponse({"error": refusal.message}, refusal.status)(scope, receive, dressed)
            return
        await self.app(scope, receive, dressed)

    def _dressed(self, scope: Scope, send: Send) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return dressed

    def _host(self, headers: Headers) -> None:
        """Refuse a page that reached this machine under another name (DNS rebinding)."""
        if not known_host(headers.getlist("host"), self.host, self.port):
            raise Refusal(403, f"this server answers to its own address only, such as {address(self.host, self.port)}.")

    def _token(self, headers: Headers, scope: Scope) -> None:
        if not self.token:
            return
        given = [headers.get("authorization", "").removeprefix("Bearer "), *asked(scope)]
        given.append(cookie_parser(headers.get("cookie", "")).get(self.cookie, ""))
        if not any(hmac.compare_digest(one.encode(), self.token.encode()) for one in given):
            raise Refusal(401, "open the address that kinfolk explore printed: it carries the token.")

    def _arriving(self, scope: Scope) -> bool:
        """Whether the page is opened with the right token in its address."""
        right = any(hmac.compare_digest(one.encode(), self.token.encode()) for one in asked(scope))
        return right and scope["path"] == "/" and scope["method"] == "GET"

    def _welcome(self, scope: Scope) -> RedirectResponse:
        """Keep the token in a cookie, and take it out of the address."""
        rest = urlencode([(k, v) for k, v in parse_qsl(scope["query_string"].decode("latin-1")) if k != "token"])
        answer = RedirectResponse(f"/?{rest}" if rest else "/", 303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict")
        return answer

    def _origin(self, headers: Headers) -> None:
        """Refuse what another page sends."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        if (origin is not None and origin != f"http://{headers['host']}") or site not in ("same-origin", "none"):
            raise Refusal(403, "this request comes from another page.")

    async def _body(self, headers: Headers, scope: Scope, receive: Receive) -> Receive:
        """Read the body up to its limit, and give it to the application whole."""
        upload = scope["path"].endswith("/search")
        most = UPLOAD if upload else BODY
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 18 or int(length) > most:
            raise Refusal(413, f"at most {most:,} bytes are taken.")
        try:
            if upload:
                async with self.uploads:
                    body = await asyncio.wait_for(whole(receive, most), SECONDS)
            else:
                body = await asyncio.wait_for(whole(receive, most), SECONDS)
        except TimeoutError:
            raise Refusal(408, f"the request did not arrive within {SECONDS:.0f} seconds.") from None
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return messages.pop() if messages else await receive()

        return again


async def whole(receive: Receive, most: int) -> bytes:
    """The body of a request; Refusal 413 as soon as it is too long."""
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the request broke off.")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
        if size > most:
            raise Refusal(413, f"at most {most:,} bytes are taken.")
    return b"".join(pieces)


def asked(scope: Scope) -> list[str]:
    """Tokens in the address of a request."""
    return [v for k, v in parse_qsl(scope["query_string"].decode("latin-1")) if k == "token"]


def known_host(given: Sequence[str], host: str, port: int) -> bool:
    """Whether the one Host header of a request names the address that is listened on.

    Any IP address will do where all are listened on: no foreign name can be one.
    """
    if len(given) != 1:
        return False
    name, colon, after = given[0].rpartition(":")
    if not colon or given[0].endswith("]"):
        name, after = given[0], "80"
    if after != str(port):
        return False
    if loopback(host):
        return name in LOOPBACK
    return name.strip("[]") == host.strip("[]") or name in LOOPBACK or host in ("0.0.0.0", "::") and is_address(name)


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host.strip("[]")).is_loopback)


def address(host: str, port: int, token: str = "") -> str:
    """The address to open."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?{urlencode({'token': token})}" if token else "")
