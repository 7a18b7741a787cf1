"""Bounds: how large a request may be, and how slowly it may come. The outermost policy.

A body that announces more than is allowed is refused unread, one that becomes longer is cut off,
and one whose sender pauses for too long is given up: to the application it looks as if the caller
had left, and the caller gets 408.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway_hooks.gateway.incoming import KEPT, KEPT_BYTES
from gateway_hooks.gateway.refusals import answer_with, refusal
from gateway_hooks.reading.headers import first_header, whole_number

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import App, Message, Receive, Scope, Send
    from gateway_hooks.gateway.refusals import Refusal

_CLOSE: Final = [(b"connection", b"close")]
"""The rest of the body is never read."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a request's body is taken, in bytes, and how long a pause, in seconds."""

    max_body_bytes: int
    body_seconds: float
    kept_body_bytes: int = KEPT_BYTES
    """Of longer ones policies see no content."""


class RequestBounds:
    """Refuses bodies that are too long or too slow; an ASGI application around another."""

    def __init__(self, app: App, bounds: Bounds) -> None:
        self._app = app
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[KEPT] = self._bounds.kept_body_bytes
        announced = first_header(scope["headers"], b"content-length")
        length = None if announced is None else whole_number(announced.decode("latin-1"))
        if length is not None and length > self._bounds.max_body_bytes:
            await answer_with(send, _too_long(self._bounds.max_body_bytes))
            return
        body = _BoundedBody(receive, send, self._bounds)
        await self._app(scope, body.receive, body.send)
        if body.refusal is not None and not body.has_answered:
            await answer_with(send, body.refusal)


class _BoundedBody:
    """Stands between the server and the application while a body comes."""

    def __init__(self, receive: Receive, send: Send, bounds: Bounds) -> None:
        self._receive = receive
        self._send = send
        self._bounds = bounds
        self._size = 0
        self._is_coming = True
        self.refusal: Refusal | None = None
        self.has_answered = False

    async def receive(self) -> Message:
        """The application's `receive`; `http.disconnect` once the body went too far."""
        if self.refusal is not None:
            return {"type": "http.disconnect"}
        if not self._is_coming:
            return await self._receive()
        try:
            async with asyncio.timeout(self._bounds.body_seconds):
                message = await self._receive()
        except TimeoutError:
            said = "The request's body came too slowly."
            return self._refuse(refusal(408, "RequestTimeout", said, _CLOSE))
        self._size += len(message.get("body", b""))
        if self._size > self._bounds.max_body_bytes:
            return self._refuse(_too_long(self._bounds.max_body_bytes))
        self._is_coming = message.get("more_body", False)
        return message

    def _refuse(self, why: Refusal) -> Message:
        self.refusal = why
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """The application's `send`; nothing more goes out when the caller gets a refusal."""
        if self.refusal is None or self.has_answered:
            self.has_answered = True
            await self._send(message)


def _too_long(most: int) -> Refusal:
    message = f"The request's body is longer than {most} bytes."
    return refusal(413, "RequestEntityTooLarge", message, _CLOSE)
