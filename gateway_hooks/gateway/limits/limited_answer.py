"""The answer of a request that has limits: its headers tell what is left of them.

A stream's headers go out before anybody knows what it will use. The headers of an answer that comes
in one piece wait for that piece, which tells.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway_hooks.attempts import keep_answer_headers
from gateway_hooks.gateway.limits.answers import standing_headers, without_others
from gateway_hooks.reading import wire
from gateway_hooks.reading.headers import lower_headers, whole_number
from gateway_hooks.reading.usage import reported_usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.asgi_types import Message, Send
    from gateway_hooks.gateway.limits.counting import Standing
    from gateway_hooks.gateway.limits.hold import Hold
    from gateway_hooks.reading.operations import Call

_SUCCESS: Final = range(200, 300)
_MOST_READ_BYTES: Final = 1 << 20


class _Body(msgspec.Struct):
    usage: Any = None


_body: Final = msgspec.json.Decoder(_Body)


class LimitedAnswer:
    """Stands between the application and the server's `send`."""

    def __init__(self, send: Send, call: Call, hold: Hold, standings: Sequence[Standing]) -> None:
        self._send = send
        self._call = call
        self._hold = hold
        self._standings = standings
        self._start: Message | None = None
        self._length: int | None = None
        self.has_begun = False
        self.succeeded = False
        """Whether the answer was one, and not an error's."""

    @staticmethod
    def own(send: Send) -> Send:
        """A `send` for refusals of the gateway: their headers are no backend's."""

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                keep_answer_headers(())
            await send(message)

        return tell

    async def send(self, message: Message) -> None:
        """The application's `send`."""
        match message["type"]:
            case "http.response.start":
                await self._begin(message)
                return
            case "http.response.body":
                held, self._start = self._start, None
                if held is not None:
                    await self._send(self._told(held, self._used(message)))
                if not message.get("more_body", False):
                    self._hold.last_byte()
        await self._send(message)

    async def _begin(self, message: Message) -> None:
        self.has_begun = True
        self.succeeded = message["status"] in _SUCCESS
        lowered = lower_headers(message.get("headers", ()))
        keep_answer_headers(lowered)
        self._length = whole_number(lowered.get("content-length"))
        is_json = lowered.get("content-type", "").startswith("application/json")
        whole = self._length is not None and self._length <= _MOST_READ_BYTES
        if self.succeeded and is_json and whole and "content-encoding" not in lowered:
            self._start = message
        else:
            await self._send(self._told(message, None))

    def _told(self, start: Message, used: int | None) -> Message:
        own = standing_headers(self._corrected(used), used)
        return {**start, "headers": without_others(start.get("headers", ()), own) + own}

    def _used(self, message: Message) -> int | None:
        """The tokens that an answer in one piece reports."""
        chunk = message.get("body", b"")
        if len(chunk) != self._length:
            return None
        read = wire.decode(chunk, _body)
        usage = None if read is None else reported_usage(self._call, read.usage)
        if usage is None or (usage.input_tokens, usage.output_tokens) == (None, None):
            return None
        return (usage.input_tokens or 0) + (usage.output_tokens or 0)

    def _corrected(self, used: int | None) -> Sequence[Standing]:
        if used is None:
            return self._standings
        more = self._hold.reserved_tokens - used
        return [_with_more(one, more) for one in self._standings]


def _with_more(one: Standing, more: int) -> Standing:
    """What is left when so many tokens are given back."""
    return replace(
        one,
        tokens=None if one.tokens is None else max(0, one.tokens + more),
        quota_tokens=None if one.quota_tokens is None else max(0, one.quota_tokens + more),
    )
