"""The ASGI responses of the simulator: whole ones and streams, paced, and broken on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from starlette.responses import Response

from gatemeter.simulator import connection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Receive, Scope, Send

DONE: Final = b"data: [DONE]\n\n"
_BROKEN_FRAME: Final = b'data: {"id":"chatcmpl-broken","choices":[{"delta":{"content\n\n'


@dataclass(frozen=True, slots=True)
class Frame:
    """One piece of a stream, and how many output tokens had to be generated for it."""

    data: bytes
    tokens: int = 0
    is_usage: bool = False


def sse(payload: Mapping[str, Any], *, tokens: int = 0, is_usage: bool = False) -> Frame:
    """A server-sent event without a name, as chat streams have them."""
    return Frame(b"data: " + compact(payload) + b"\n\n", tokens, is_usage)


def named_sse(payload: Mapping[str, Any], *, tokens: int = 0) -> Frame:
    """A server-sent event named by its payload's `type`, as responses streams have them."""
    head = f"event: {payload['type']}\ndata: ".encode()
    return Frame(head + compact(payload) + b"\n\n", tokens)


def compact(payload: Mapping[str, Any]) -> bytes:
    """JSON without spaces."""
    return json.dumps(payload, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Pace:
    """How long an answer takes."""

    first_token_ms: float = 0.0
    token_ms: float = 0.0

    def whole_seconds(self, tokens: int) -> float:
        """Time until an answer of so many tokens is complete."""
        return (self.first_token_ms + tokens * self.token_ms) / 1000


class WholeAnswer(Response):
    """An answer in one piece, after the time its generation takes."""

    def __init__(
        self,
        body: bytes,
        *,
        media_type: str,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        seconds: float = 0.0,
        fault: str | None = None,
    ) -> None:
        if fault == "malformed":
            body = body[: max(1, len(body) // 2)]
        super().__init__(body, status_code, headers, media_type)
        self._seconds = seconds
        self._cut = fault == "cut-stream"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then send everything, or half of it when the answer is to be cut."""
        if self._seconds:
            await asyncio.sleep(self._seconds)
        if not self._cut:
            await super().__call__(scope, receive, send)
            return
        await send(_start(self.status_code, self.raw_headers))
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await connection.close(scope, receive)


class OnEnd(Protocol):
    """Told once how a stream ended."""

    def __call__(self, tokens: int, *, finished: bool) -> None:
        """`tokens` were sent, and it was the whole stream or not."""


class StreamedAnswer(Response):
    """A stream whose frames were all made beforehand; sending them is only a matter of pace.

    `on_end` is called exactly once with the output tokens that were sent until the stream was
    finished, cut, or left by the client: that is what a provider bills. For a finished stream it is
    called before the last frame, so whoever has seen the end finds the bill.
    """

    def __init__(
        self,
        frames: Sequence[Frame],
        *,
        on_end: OnEnd,
        headers: Mapping[str, str] | None = None,
        pace: Pace | None = None,
        fault: str | None = None,
        media_type: str = "text/event-stream; charset=utf-8",
    ) -> None:
        super().__init__(None, 200, headers, media_type)
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self._frames = _with_fault(frames, fault)
        self._cut = fault == "cut-stream"
        self._on_end = on_end
        self._pace = pace or Pace()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the frames until they end or the client leaves."""
        sent, ended = 0, False
        left = asyncio.Event()
        watcher = asyncio.create_task(_watch(receive, left))
        try:
            await send(_start(200, self.raw_headers))
            await _pause(self._pace.first_token_ms, left)
            for number, frame in enumerate(self._frames, 1):
                if left.is_set():
                    return
                if number == len(self._frames) and not self._cut:
                    ended = True
                    self._on_end(sent + frame.tokens, finished=True)
                await send({"type": "http.response.body", "body": frame.data, "more_body": True})
                sent += frame.tokens
                await _pause(self._pace.token_ms * frame.tokens, left)
            if self._cut:
                ended = True
                self._on_end(sent, finished=False)
                watcher.cancel()
                await connection.close(scope, receive)
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watcher.cancel()
            if not ended:
                self._on_end(sent, finished=False)


def _with_fault(frames: Sequence[Frame], fault: str | None) -> Sequence[Frame]:
    half = max(1, len(frames) // 2)
    match fault:
        case "cut-stream":
            return frames[:half]
        case "no-usage":
            return [frame for frame in frames if not frame.is_usage]
        case "malformed":
            return [*frames[:half], Frame(_BROKEN_FRAME), *frames[half:]]
        case _:
            return frames


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _watch(receive: Receive, left: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    left.set()


async def _pause(milliseconds: float, left: asyncio.Event) -> None:
    if milliseconds <= 0:
        await asyncio.sleep(0)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(milliseconds / 1000):
            await left.wait()
