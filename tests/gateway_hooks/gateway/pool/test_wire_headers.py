"""Headers on their way through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from gateway_hooks.gateway import Backend
from gateway_hooks.gateway.pool.wire_headers import answer_headers, request_headers, request_target

PLAIN = Backend.parse("https://one.example")
KEYED = Backend.parse("https://one.example:8443/base,key=K", {"K": "backends-key"})


def sent(headers: dict[str, str], backend: Backend, **options: Any) -> dict[str, str]:
    """What a backend gets."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    key = None if backend.key is None else (b"api-key", backend.key.encode())
    settings = {"credential": key, "length": 3, "readable_answer": False} | options
    pairs = request_headers(raw, backend, **settings)
    return {name.decode().lower(): value.decode() for name, value in pairs}


def test_keys_are_exchanged_only_when_the_backend_has_its_own() -> None:
    """The caller's key never reaches a backend with a key, and is passed on to one without."""
    callers = {"Api-Key": "callers", "Authorization": "Bearer callers", "X-Other": "1"}
    keyed = sent({**callers, "X-Api-Key": "callers", "Cookie": "session=callers"}, KEYED)
    assert keyed["api-key"] == "backends-key"
    assert keyed["x-other"] == "1"
    assert "callers" not in repr(keyed)
    plain = sent(callers, PLAIN)
    assert (plain["api-key"], plain["authorization"]) == ("callers", "Bearer callers")


def test_keys_in_the_query_are_exchanged_as_well() -> None:
    """However they are spelled; the other parameters pass byte for byte."""
    for key in (
        b"api-key=k",
        b"Subscription-Key=k",
        b"api%2Dkey=k",
        b"api%252dkey=k",
        b"+api-key=k",
    ):
        assert request_target(b"/p?a=%20b&" + key + b"&c", KEYED) == b"/p?a=%20b&c"
        assert request_target(b"/p?" + key, KEYED) == b"/p"
        assert request_target(b"/p?" + key, PLAIN) == b"/p?" + key
    assert request_target(b"/p", KEYED) == b"/p"
    assert request_target(b"/p?my-api-key-x=1&?", KEYED) == b"/p?my-api-key-x=1&?"


def test_what_belongs_to_the_connection_stays_there() -> None:
    """Hop-by-hop headers, and those that Connection names, are not forwarded."""
    given = {
        "Connection": "keep-alive, X-Hop",
        "Keep-Alive": "timeout=5",
        "X-Hop": "1",
        "TE": "trailers",
        "Host": "gateway",
        "Expect": "100-continue",
        "Accept": "text/event-stream",
    }
    assert sent(given, KEYED) == {
        "host": "one.example:8443",
        "accept": "text/event-stream",
        "api-key": "backends-key",
        "content-length": "3",
    }


def test_the_length_is_that_of_the_body_or_chunks_are_announced() -> None:
    """A GET without a body announces none."""
    assert "content-length" not in sent({}, PLAIN, length=0)
    assert sent({"Content-Length": "0"}, PLAIN, length=0)["content-length"] == "0"
    assert "content-length" not in sent({"Content-Length": "9"}, PLAIN, length=None)


def test_answers_that_must_be_read_are_asked_for_uncompressed() -> None:
    """Only then is the caller's accept-encoding changed."""
    given = {"Accept-Encoding": "gzip"}
    assert sent(given, PLAIN)["accept-encoding"] == "gzip"
    assert sent(given, PLAIN, readable_answer=True)["accept-encoding"] == "identity"


def test_links_to_the_backend_lead_to_the_gateway() -> None:
    """And only those: a link to somewhere else, or to a similar host, stays."""

    def link(value: str) -> str:
        pairs = answer_headers([(b"Operation-Location", value.encode())], KEYED, b"http://gate:80")
        return pairs[0][1].decode()

    assert link("https://one.example:8443/base/x?y=1") == "http://gate:80/x?y=1"
    assert link("https://one.example:8443/basement") == "https://one.example:8443/basement"
    assert link("https://elsewhere/x") == "https://elsewhere/x"


def test_headers_survive_the_whole_way(
    start_gateway: Any, start_recorder: Callable[..., Any]
) -> None:
    """Through real servers: the backend's key arrives, repeated headers come back."""
    backend = start_recorder()
    backend.headers = [
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"x-ms-region", b"East US"),
    ]
    gateway = start_gateway(f"{backend.url},key=BACKEND_KEY")
    response = httpx.post(
        f"{gateway.url}/openai/v1/files", content=b"x", headers={"api-key": "callers-key"}
    )
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    (seen,) = backend.seen
    assert seen.headers["api-key"] == "the-backends-own-key"
    assert seen.headers["host"] == backend.url.removeprefix("http://")
    assert "callers-key" not in str(seen.headers)
    assert b"callers-key" not in b"".join(gateway.sink.lines)
    assert b"the-backends-own-key" not in b"".join(gateway.sink.lines)
