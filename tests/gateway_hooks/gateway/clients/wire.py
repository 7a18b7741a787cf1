"""What passed on both sides of a gateway, so that a test can say that nothing was changed.

One witness stands between the server and the gateway, another between the simulator's server and
the simulator; neither knows what the gateway is meant to do.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_CREDENTIALS = {"api-key", "authorization", "cookie"}
_OF_ONE_CONNECTION = {
    "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "expect",
    "content-length", "date",
}  # fmt: skip
_OWN = {
    "x-gatemeter-backend", "x-gatemeter-remaining-quota-tokens", "remaining-quota-tokens",
    "consumed-tokens", "accept-encoding",
}  # fmt: skip
"""What the gateway says of itself, as documented; and how an answer may be packed on its way."""


@dataclass
class Exchange:
    """A request and its answer, as a witness saw them."""

    method: str
    target: bytes
    headers: list[tuple[str, str]]
    body: bytes = b""
    status: int = 0
    answer_headers: list[tuple[str, str]] = field(default_factory=list)
    answer: bytes = b""
    was_read: bool = False
    """Whether the body was read to its end."""
    is_over: bool = False

    @property
    def request_id(self) -> str | None:
        """The provider's."""
        return dict(self.answer_headers).get("apim-request-id")


@dataclass
class Witness:
    """Writes down what passes an ASGI application."""

    app: Any
    seen: list[Exchange] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One connection."""
        if scope["type"] != "http" or "contentsafety" in scope["path"]:
            await self.app(scope, receive, send)
            return
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        exchange = Exchange(scope["method"], target, _decoded(scope["headers"]))
        self.seen.append(exchange)

        async def read() -> Any:
            message = await receive()
            if message["type"] == "http.request":
                exchange.body += message.get("body", b"")
                exchange.was_read = not message.get("more_body", False)
            return message

        async def write(message: Any) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.answer_headers = _decoded(message.get("headers", ()))
            else:
                exchange.answer += message.get("body", b"")
                exchange.is_over = not message.get("more_body", False)
            await send(message)

        await self.app(scope, read, write)


def _decoded(headers: Any) -> list[tuple[str, str]]:
    return [(name.decode().lower(), value.decode("latin-1")) for name, value in headers]


def assert_same(outside: Exchange, inside: Exchange) -> None:
    """The backend got what the caller sent, but for keys; the caller what the backend answered."""
    assert (inside.method, inside.target) == (outside.method, outside.target)
    assert lasting(inside.headers) == lasting(outside.headers)
    assert outside.status == inside.status
    assert lasting(outside.answer_headers) == lasting(inside.answer_headers)
    _wait_until_over(outside)
    _wait_until_over(inside)
    if inside.body == outside.body or not inside.was_read:
        assert outside.answer == inside.answer
    else:
        _assert_only_usage_was_asked_for(outside, inside)


def _wait_until_over(exchange: Exchange) -> None:
    """A caller that has counted its bytes goes on before the server has said the last word."""
    deadline = time.monotonic() + 10
    while not exchange.is_over:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def assert_unchanged(outside: list[Exchange], inside: list[Exchange]) -> None:
    """Each request reached the backend once and came back, and nothing was changed on the way."""
    assert len(inside) == len(outside)
    answered = {exchange.request_id: exchange for exchange in inside}
    for exchange in outside:
        assert exchange.request_id is not None
        assert_same(exchange, answered[exchange.request_id])


def _assert_only_usage_was_asked_for(outside: Exchange, inside: Exchange) -> None:
    """The gateway asked for a stream's usage; the caller, who did not, has not got it."""
    sent = json.loads(inside.body)
    assert sent.pop("stream_options") == {"include_usage": True}
    assert sent == json.loads(outside.body)
    assert inside.answer.endswith(b"data: [DONE]\n\n")
    events = inside.answer.split(b"\n\n")
    kept = [event for event in events if not _tells_usage(event)]
    assert len(kept) == len(events) - 1
    assert outside.answer == b"\n\n".join(kept)


def _tells_usage(event: bytes) -> bool:
    data = event.removeprefix(b"data: ")
    return data[:1] == b"{" and bool(json.loads(data).get("usage"))


def lasting(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is neither a key nor of one connection, nor told by the gateway of itself."""
    left_out = _CREDENTIALS | _OF_ONE_CONNECTION | _OWN
    return sorted(
        (name, value)
        for name, value in headers
        if name not in left_out and not name.startswith("x-ratelimit-")
    )


@contextlib.contextmanager
def since(*witnesses: Witness) -> Iterator[tuple[list[Exchange], ...]]:
    """What each witness sees within the block; filled when it ends."""
    found: tuple[list[Exchange], ...] = tuple([] for _ in witnesses)
    before = [len(witness.seen) for witness in witnesses]
    yield found
    for exchanges, witness, count in zip(found, witnesses, before, strict=True):
        exchanges.extend(witness.seen[count:])
