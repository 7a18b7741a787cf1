"""Calls to backends: one pool of connections, raw bytes in and out, nothing decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpcore

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence

    from gateway_hooks.gateway.backends import Backend

# What can go wrong between us and a backend; an answer of any status is none of these.
ERRORS: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.ProxyError,
    OSError,
)
_BROKEN: Final = (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError)
_MAX_CONNECTIONS: Final = 2000
_KEPT_CONNECTIONS: Final = 200
_KEEP_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; `read` is the longest silence, not the longest answer."""

    connect: float = 5.0
    read: float = 600.0
    write: float = 60.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it is sent to a backend."""

    method: bytes
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes | AsyncIterable[bytes]


class Answer:
    """A backend's answer whose body has not been read yet. It must be closed."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self._rest = response.aiter_stream()
        self._peeked: list[bytes] = []
        self.status: int = response.status
        self.headers: list[tuple[bytes, bytes]] = response.headers

    async def peek(self, most_bytes: int) -> bytes:
        """The body, or a little more than so much of it; `chunks` still begins at the beginning."""
        size = 0
        async for chunk in self._rest:
            self._peeked.append(chunk)
            size += len(chunk)
            if size > most_bytes:
                break
        return b"".join(self._peeked)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, as it is encoded."""
        for chunk in self._peeked:
            yield chunk
        async for chunk in self._rest:
            yield chunk

    async def close(self) -> None:
        """Let go of the connection; it is kept for the next request if the body was read."""
        await self._response.aclose()


class _Traced:
    """Whether a request was sent on a connection that was made for it."""

    def __init__(self) -> None:
        self.is_fresh = False

    async def trace(self, event: str, info: Mapping[str, object]) -> None:  # noqa: ARG002 - httpcore's shape
        """Called by httpcore at each step."""
        if event == "connection.connect_tcp.started":
            self.is_fresh = True


class Upstream:
    """The connections to all backends."""

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        self._timeouts = timeouts or Timeouts()
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def open(self, backend: Backend, outgoing: Outgoing) -> Answer:
        """Send a request and wait for the answer's head.

        A kept connection may be closed by the backend in the very moment it is used again. That is
        no failure of the backend: the request goes out once more, on another connection.

        Raises:
            Exception: one of `ERRORS`; nothing of an answer was seen.
        """
        while True:
            connection = _Traced()
            request = self._request(backend, outgoing, connection)
            try:
                return Answer(await self._connections().handle_async_request(request))
            except _BROKEN:
                if connection.is_fresh or not isinstance(outgoing.content, bytes):
                    raise

    def _request(
        self, backend: Backend, outgoing: Outgoing, connection: _Traced
    ) -> httpcore.Request:
        times = self._timeouts
        timeouts = {
            "connect": times.connect,
            "read": times.read,
            "write": times.write,
            "pool": times.connect,
        }
        url = httpcore.URL(
            scheme=backend.scheme.encode(),
            host=backend.host.encode("idna"),
            port=backend.port,
            target=backend.base_path.encode() + outgoing.target,
        )
        return httpcore.Request(
            outgoing.method,
            url,
            headers=outgoing.headers,
            content=outgoing.content,
            extensions={"timeout": timeouts, "trace": connection.trace},
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None

    def _connections(self) -> httpcore.AsyncConnectionPool:
        # Made on the first request, because a pool belongs to the event loop it is used in.
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                max_connections=_MAX_CONNECTIONS,
                max_keepalive_connections=_KEPT_CONNECTIONS,
                keepalive_expiry=_KEEP_SECONDS,
            )
        return self._pool
