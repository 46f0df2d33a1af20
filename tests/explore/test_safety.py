"""What must not happen: no foreign host, page or token, no file, no flood, no fault of the server."""

from __future__ import annotations

import io
import json
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from kinfolk.explore.guard import BODY, UPLOAD, known_host
from kinfolk.explore.pictures import PIXELS

TRICKS = (
    "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/recipe.toml", "....//recipe.toml",
    "/etc/passwd", "%00", "first%00", "recipe.toml", "..", ".", "%5c..%5c..%5cwindows", "~root", "first/../second",
    "C:%5cboot.ini", "%c0%ae%c0%ae/", "first%2frecipe.toml", "\u00e9".encode().hex(), "*" * 300,
)
PLACES = (
    "/{}", "/page/{}", "/shared/{}", "/api/runs/{}", "/api/runs/{}/findings", "/api/runs/{}/log", "/api/runs/first/{}",
    "/api/runs/first/map/{}", "/api/runs/first/columns/{}", "/api/runs/first/odd/{}", "/api/runs/first/images/{}/1",
    "/api/runs/first/images/test/{}", "/api/runs/first/thumbnails/{}/1", "/api/runs/first/thumbnails/test/{}",
    "/api/runs/first/sheet/{}?index=1", "/api/runs/first/sheet/test?index={}", "/api/runs/first/neighbours?index={}",
    "/api/runs/first/neighbours?index=1&second={}", "/api/compare?one={}&two=first", "/api/runs/first/images?split={}",
)
SECRETS = (b"root:", b"[encoder]", b"safetensors", b"[data]")


def png(width: int, height: int) -> bytes:
    """A PNG whose header promises any number of pixels and which holds none of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def picture(kind: str, size: int = 32) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3)).astype(np.uint8)
    Image.fromarray(noise).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("place", PLACES)
def test_no_path_of_a_request_reaches_a_file(ask, place: str) -> None:
    for trick in TRICKS:
        answer = ask(place.format(trick))
        assert 400 <= answer.status < 500, (place, trick, answer.status)
        assert set(answer.json) == {"error"}
        assert not any(secret in answer.body for secret in SECRETS)


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", "", ":{port}",
    "localhost:{port}.evil.example", "0.0.0.0:{port}", "[::]:{port}", "127.0.0.1:{port}@evil.example", "[::1]",
])
def test_other_names_for_this_machine_are_refused(ask, host: str) -> None:
    for path in ("/", "/api/runs", "/page/main.js"):
        answer = ask(path, headers={"Host": host.format(port=ask.port)})
        assert answer.status in (400, 403)


def test_its_own_names_are_answered(ask) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert ask("/api/runs", headers={"Host": f"{host}:{ask.port}"}).status == 200


def test_an_open_address_answers_to_numbers_and_never_to_foreign_names() -> None:
    assert known_host(["192.168.1.7:8000"], "0.0.0.0", 8000)
    assert known_host(["box.local:8000"], "box.local", 8000)
    for given in (["evil.example:8000"], ["192.168.1.7:8000", "127.0.0.1:8000"], [], ["192.168.1.7:80"]):
        assert not known_host(given, "0.0.0.0", 8000)
    assert not known_host(["192.168.1.8:8000"], "192.168.1.7", 8000)


def test_other_pages_cannot_post(ask) -> None:
    body = json.dumps({"split": "test", "index": [1]}).encode()
    right, json_ = f"http://127.0.0.1:{ask.port}", {"Content-Type": "application/json"}
    for headers in (
        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": right + ".evil.example"},
        {"Origin": f"https://127.0.0.1:{ask.port}"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    ):
        assert ask("/api/runs/first/mean", "POST", body, {**json_, **headers}).status == 403
    for headers in ({"Origin": right, "Sec-Fetch-Site": "same-origin"}, {}):
        assert ask("/api/runs/first/mean", "POST", body, {**json_, **headers}).status == 200
    assert ask("/api/runs/first/mean", "POST", body, {"Content-Type": "text/plain"}).status == 400


def test_every_answer_forbids_what_the_page_does_not_need(ask) -> None:
    for path in ("/", "/page/nothing.js", "/api/runs", "/api/runs/first/thumbnails/test/1", "/nowhere"):
        headers = ask(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
    assert ask("/api/runs").headers["cache-control"] == "no-store"
    assert ask("/", headers={"Host": "evil.example"}).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [
    "/", "/api/runs", "/page/main.js", "/openapi.json", "/api/runs/first/thumbnails/test/1",
])
def test_nothing_is_answered_without_the_token(guarded, path: str) -> None:
    for headers in (
        {}, {"Authorization": "Bearer a tokem"}, {"Cookie": f"kinfolk-{guarded.port}=other"}, {"Cookie": ";;==;a"},
        {"Authorization": "a"}, {"Authorization": "Bearer \u00e9"},
    ):
        assert guarded(path, headers=headers).status == 401
    assert guarded(f"{path}?token=wrong").status == 401
    assert guarded(path, "POST", b"{}").status == 401


def test_the_token_of_the_printed_address_becomes_a_cookie(guarded) -> None:
    welcome = guarded("/?token=a+token&run=first")
    assert (welcome.status, welcome.headers["location"]) == (303, "/?run=first")
    cookie = welcome.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert guarded("/api/runs", headers={"Cookie": cookie.split(";")[0]}).status == 200
    assert guarded("/api/runs", headers={"Authorization": "Bearer a token"}).status == 200
    assert guarded("/api/runs", headers={"Cookie": cookie.split(";")[0], "Host": "evil.example"}).status == 403


BROKEN = {
    "nothing": b"", "text": b"hello", "html": b"<script>alert(1)</script>", "half a PNG": picture("PNG")[:300],
    "half a JPEG": picture("JPEG")[:200], "PNG without pixels": png(64, 64), "svg": b"<svg xmlns='x'/>",
    "pickle": b"\x80\x04\x95", "zeros": bytes(5000), "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "npy": b"\x93NUMPY\x01\x00", "damaged": bytes(b ^ 85 for b in picture("WEBP")),
}


@pytest.mark.parametrize("kind", list(BROKEN))
def test_broken_images_are_refused_in_words(ask, kind: str) -> None:
    answer = ask("/api/runs/first/search", "POST", BROKEN[kind])
    assert (answer.status, set(answer.json)) == (400, {"error"})


def test_images_of_too_many_pixels_are_refused_before_they_are_decoded(ask) -> None:
    side = int(PIXELS**0.5)
    assert ask("/api/runs/first/search", "POST", png(side + 100, side + 100)).status == 413
    assert ask("/api/runs/first/search", "POST", png(2**31 - 1, 2**31 - 1)).status in (400, 413)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_common_kind_of_image_is_searched_for(ask, kind: str) -> None:
    assert len(ask("/api/runs/first/search", "POST", picture(kind), k=3).json["runs"][0]["nearest"]) == 3


def test_floods_are_refused(ask) -> None:
    for path, most in (("search", UPLOAD), ("mean", BODY), ("export", BODY)):
        for length in (str(most + 1), "9" * 30, "-1", "abc"):
            assert ask(f"/api/runs/first/{path}", "POST", None, {"Content-Length": length}).status in (400, 413)
    chunk = b"%x\r\n%b\r\n" % (BODY // 2 + 1, bytes(BODY // 2 + 1))
    try:
        status = ask("/api/runs/first/mean", "POST", 2 * chunk + b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}).status
    except OSError:
        status = 413
    assert status == 413
    assert ask("/api/runs").status == 200


@pytest.mark.parametrize("body", [
    b"", b"{", b"null", b"[" * 100_000, b'{"split":"test"}', b'{"split":"test","index":[]}',
    b'{"split":"all","index":[1]}', b'{"split":"test","index":[true,{}]}',
    b'{"split":"test","index":[-1]}', b'{"split":"test","index":[1e300]}', b'{"split":"test","index":[99999]}',
    b'{"split":"test","index":["1; drop"]}', b'{"split":"test","index":[NaN]}', b"\xff\xfe",
], ids=lambda body: repr(body[:30]))
def test_wrong_selections_are_refused(ask, body: bytes) -> None:
    for path in ("mean", "export"):
        answer = ask(f"/api/runs/first/{path}", "POST", body, {"Content-Type": "application/json"})
        assert answer.status in (400, 404), answer.body
        assert set(answer.json) == {"error"}


@pytest.mark.parametrize("query", [
    "k=0", "k=-1", "k=100000", "k=x", "index=-1", "index=1.5", "index=99999999999999999999", "split=", "second=nobody",
    "bank=everything", "index=%00", "index=1&index=2&k=%F0",
])
def test_wrong_parameters_are_refused(ask, query: str) -> None:
    answer = ask(f"/api/runs/first/neighbours?{'' if 'index' in query else 'index=1&'}{query}")
    assert answer.status in (400, 404)
    assert set(answer.json) == {"error"}


def test_methods_that_are_not_there_are_refused(ask) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert ask("/api/runs", method).status in (404, 405)
    assert ask("/docs").status == ask("/redoc").status == 404


def test_many_at_once_get_what_one_gets(ask) -> None:
    upload = picture("PNG")

    def numbers(path: str, *body: object, **query: object) -> list[list[int]]:
        lists = ask(f"/api/runs/first/{path}", *body, second="second", **query).json["runs"]
        return [[image["index"] for image in run["nearest"]] for run in lists]

    alone = [numbers("neighbours", index=i) for i in range(8)]
    found = numbers("search", "POST", upload)

    def client(number: int) -> bool:
        i = number % 8
        same = numbers("neighbours", index=i) == alone[i] and (number % 4 or numbers("search", "POST", upload) == found)
        return bool(same) and ask(f"/api/runs/first/thumbnails/test/{i}").status == 200

    with ThreadPoolExecutor(10) as pool:
        assert all(pool.map(client, range(60)))


def test_class_names_are_data(ask) -> None:
    assert ask("/api/runs/first").json["classes"][1] == "<b>bee</b>"
    assert ask("/api/runs/first").headers["content-type"] == "application/json"
