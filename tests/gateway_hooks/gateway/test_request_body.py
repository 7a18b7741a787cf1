"""Bodies that are kept, and those too long to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from gateway_hooks.gateway.request_body import ClientLeft, RequestBody


class Caller:
    """Sends pieces, then leaves."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = list(pieces)

    async def receive(self) -> dict[str, Any]:
        """ASGI's receive."""
        if not self._pieces:
            return {"type": "http.disconnect"}
        piece = self._pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}


async def test_a_short_body_can_be_sent_any_number_of_times() -> None:
    """It is kept whole."""
    body = await RequestBody.read(Caller([b"ab", b"", b"c"]).receive, 100)
    assert body.kept == b"abc"
    assert body.ended.is_set()
    for _ in range(2):
        assert b"".join([chunk async for chunk in body.stream()]) == b"abc"


async def test_a_long_body_is_streamed_once_and_whole() -> None:
    """What was read already comes first, and its end is noticed."""
    body = await RequestBody.read(Caller([b"abc", b"def", b"ghi"]).receive, 4)
    assert body.kept is None
    assert not body.ended.is_set()
    assert b"".join([chunk async for chunk in body.stream()]) == b"abcdefghi"
    assert body.ended.is_set()


async def test_a_caller_that_leaves_in_the_middle_is_noticed() -> None:
    """While it is read, and while it is streamed."""
    with pytest.raises(ClientLeft):
        await RequestBody.read(Caller([]).receive, 100)

    async def leaving() -> dict[str, Any]:
        return pieces.pop(0)

    pieces: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"x" * 10, "more_body": True},
        {"type": "http.disconnect"},
    ]
    body = await RequestBody.read(leaving, 5)
    with pytest.raises(ClientLeft):
        async for _ in body.stream():
            pass
