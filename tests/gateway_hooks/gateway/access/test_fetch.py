"""Fetching an issuer's documents from a real server."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_hooks.gateway.access.fetch import FetchFailed, fetch_json


async def test_a_document_is_read(start_recorder: Any) -> None:
    """One GET; a JSON object comes back."""
    server = start_recorder()
    server.body = b'{"keys": []}'
    assert await fetch_json(f"{server.url}/keys?x=1") == {"keys": []}
    assert [(one.method, one.target) for one in server.seen] == [("GET", "/keys?x=1")]


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (500, [], b"{}"),
        (302, [(b"location", b"http://127.0.0.1/elsewhere")], b""),
        (200, [], b"[]"),
        (200, [], b"<html>"),
        (200, [], b'{"x": "' + b"y" * (1 << 20) + b'"}'),
    ],
)
async def test_anything_else_is_a_failure(
    start_recorder: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """Other statuses, a redirect, no object, too much of it."""
    server = start_recorder()
    server.status, server.headers, server.body = status, headers, body
    with pytest.raises(FetchFailed):
        await fetch_json(server.url)
    assert len(server.seen) == 1


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    """Not an exception of the HTTP library."""
    with pytest.raises(FetchFailed, match="Connector"):
        await fetch_json("http://127.0.0.1:9/keys")
