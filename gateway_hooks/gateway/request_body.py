"""The caller's body: kept to be sent again to another backend, up to a bound.

A longer body is passed on as it comes, to one backend only, since it cannot be sent twice.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway_hooks.asgi_types import Message, Receive


class ClientLeft(Exception):
    """The caller closed the connection before its request was complete."""


class RequestBody:
    """A body that was read as far as it may be kept."""

    def __init__(self, chunks: list[bytes], receive: Receive, *, complete: bool) -> None:
        self._chunks = chunks
        self._next_chunk = 0
        self._receive = receive
        self.complete = complete
        """Whether this is all of it, so that it can be sent any number of times."""
        self.ended = asyncio.Event()
        """Set when the caller has sent all of it."""
        self.has_left = False
        """Whether the caller left while its body was passed on: a failure of nobody's."""
        if complete:
            self.ended.set()

    @classmethod
    async def read(cls, receive: Receive, most_bytes: int) -> RequestBody:
        """Read until the body ends or is longer than may be kept.

        Raises:
            ClientLeft: the caller is gone.
        """
        chunks: list[bytes] = []
        size = 0
        while size <= most_bytes:
            chunk, more = await _next(receive)
            if chunk:
                chunks.append(chunk)
                size += len(chunk)
            if not more:
                return cls([b"".join(chunks)], receive, complete=True)
        return cls(chunks, receive, complete=False)

    @property
    def kept(self) -> bytes | None:
        """The whole body, or None when it is too long to be kept."""
        return self._chunks[0] if self.complete else None

    def replaced(self, body: bytes) -> RequestBody:
        """Another body in its place, from the same caller."""
        return RequestBody([body], self._receive, complete=True)

    async def receive(self) -> Message:
        """An ASGI `receive` that gives the body from its beginning, then what comes after it."""
        if self._next_chunk < len(self._chunks):
            chunk = self._chunks[self._next_chunk]
            self._next_chunk += 1
            more = not self.complete or self._next_chunk < len(self._chunks)
            return {"type": "http.request", "body": chunk, "more_body": more}
        return await self._receive()

    async def left(self) -> None:
        """Return when the caller is gone; to be awaited after all of the body has come."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def stream(self) -> AsyncIterator[bytes]:
        """The body from its beginning; when it is not complete this can be done only once."""
        for chunk in self._chunks:
            yield chunk
        if self.complete:
            return
        self._chunks.clear()
        more = True
        while more:
            try:
                chunk, more = await _next(self._receive)
            except ClientLeft:
                self.has_left = True
                raise
            if chunk:
                yield chunk
        self.ended.set()


async def _next(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    return message.get("body", b""), message.get("more_body", False)
