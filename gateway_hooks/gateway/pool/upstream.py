"""Calls to backends: one pool of connections, raw bytes in and out, nothing decoded."""

from __future__ import annotations

import functools
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from gateway_hooks.reading.headers import lower_headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Sequence

    from aiohttp.connector import Connection

    from gateway_hooks.gateway.pool.backends import Backend

# What can go wrong between us and a backend; an answer of any status is none of these.
ERRORS: Final = (aiohttp.ClientError, TimeoutError, OSError)
_BROKEN: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
# In the words of events, whatever library it happens in; the first that fits is the one.
_NAMES: Final = (
    (aiohttp.ConnectionTimeoutError, "ConnectTimeout"),
    (aiohttp.ClientConnectorError, "ConnectError"),
    (TimeoutError, "ReadTimeout"),
    (aiohttp.ServerDisconnectedError, "RemoteProtocolError"),
    (aiohttp.ClientOSError, "ReadError"),
    (aiohttp.ClientError, "RemoteProtocolError"),
)
_KEEP_SECONDS: Final = 30.0
_LONGEST_HEADER: Final = 64 << 10
_AT_ONCE_BYTES: Final = 1 << 20
# What aiohttp would say of itself where the caller said nothing.
_NOT_OURS: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


def error_name(error: Exception) -> str:
    """What an error is called in events."""
    return next((name for kind, name in _NAMES if isinstance(error, kind)), "ReadError")


def is_late(error: Exception) -> bool:
    """Whether a backend was reached and did not answer in time."""
    return isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; `read` is the longest silence, not the longest answer."""

    connect: float = 5.0
    read: float = 600.0
    first_byte: float = 600.0
    """Longest wait for an answer to begin that is not a stream: it may be a long one."""
    first_byte_of_stream: float = 120.0
    request: float = 900.0
    """Longest that a request may take to begin its answer, all attempts together."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it is sent to a backend."""

    method: bytes
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes | AsyncIterable[bytes]


class Answer:
    """A backend's answer whose body has not been read yet. It must be closed."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content
        self.peeked = b""
        """What was read of the body and is still to be passed on."""
        self.is_whole = False
        """Whether all of the body was peeked at."""
        self.status: int = response.status
        self.headers: list[tuple[bytes, bytes]] = list(response.raw_headers)
        self.lowered = lower_headers(self.headers)

    async def peek(self, most_bytes: int) -> bytes:
        """The body, or a little more than so much of it; `next_chunk` still begins with it.

        At least the first bytes of it, unless it is empty.
        """
        chunks = [self.peeked] if self.peeked else []
        size = len(self.peeked)
        while size <= most_bytes:
            chunk = await self._content.readany()
            if not chunk:
                self.is_whole = True
                break
            chunks.append(chunk)
            size += len(chunk)
        self.peeked = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return self.peeked

    async def next_chunk(self) -> bytes:
        """The next bytes of the body as they arrive, as they are encoded; empty at its end.

        No generator: one that is left before its end is closed by a task of its own.
        """
        if self.peeked:
            chunk, self.peeked = self.peeked, b""
            return chunk
        return await self._content.readany()

    async def close(self) -> None:
        """Let go of the connection; it is kept for the next request if the body was read."""
        self._response.close()


_on_fresh: ContextVar[bool] = ContextVar("gatemeter_on_fresh_connection", default=True)
"""Whether the request that is being sent here goes out on a connection that was made for it."""


class _Connector(aiohttp.TCPConnector):
    """Tells whether a connection is used again; aiohttp's own tracing would cost ten times more."""

    def __init__(self) -> None:
        super().__init__(limit=0, keepalive_timeout=_KEEP_SECONDS)
        self._used: WeakSet[object] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as aiohttp calls it
    ) -> Connection:
        """A connection for a request."""
        connection = await super().connect(req, traces, timeout)
        protocol = connection.protocol
        is_fresh = protocol not in self._used
        _on_fresh.set(is_fresh)
        if is_fresh and protocol is not None:
            self._used.add(protocol)
        return connection


class Upstream:
    """The connections to all backends."""

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        self.timeouts = timeouts or Timeouts()
        self._session: aiohttp.ClientSession | None = None

    async def open(self, backend: Backend, outgoing: Outgoing) -> Answer:
        """Send a request and wait for the answer's head, for as long as the caller lets us.

        A kept connection may be closed by the backend in the very moment it is used again. That is
        no failure of the backend: the request goes out once more, on another connection.

        Raises:
            Exception: one of `ERRORS`; nothing of an answer was seen.
        """
        while True:
            _on_fresh.set(True)
            try:
                return Answer(await self._send(backend, outgoing))
            except _BROKEN:
                if _on_fresh.get() or not isinstance(outgoing.content, bytes):
                    raise

    async def _send(self, backend: Backend, outgoing: Outgoing) -> aiohttp.ClientResponse:
        headers: CIMultiDict[str] = CIMultiDict(
            [(_text(name), _text(value)) for name, value in outgoing.headers]
        )
        return await self._connections().request(
            outgoing.method.decode("latin-1"),
            _address(backend.root, outgoing.target),
            headers=headers,
            data=_in_parts(outgoing.content) or None,
            allow_redirects=False,
            timeout=_client_timeout(self.timeouts),
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _connections(self) -> aiohttp.ClientSession:
        # Made on the first request, because a session belongs to the event loop it is used in.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_Connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_NOT_OURS,
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
            )
        return self._session


@functools.lru_cache(maxsize=8)
def _client_timeout(times: Timeouts) -> aiohttp.ClientTimeout:
    """What aiohttp sees to; the rest is the caller's. A reload may have changed it."""
    return aiohttp.ClientTimeout(total=None, sock_connect=times.connect, sock_read=times.read)


def _in_parts(content: bytes | AsyncIterable[bytes]) -> bytes | AsyncIterable[bytes]:
    """A large body piece by piece: at once it would keep the event loop for itself."""
    if isinstance(content, bytes) and len(content) > _AT_ONCE_BYTES:
        return _parts(content)
    return content


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _AT_ONCE_BYTES):
        yield content[start : start + _AT_ONCE_BYTES]


@functools.lru_cache(maxsize=4096)
def _address(root: str, target: bytes) -> URL:
    """Where a request goes; most have one of a few paths."""
    return URL(root + _text(target), encoded=True)


def _text(value: bytes) -> str:
    """Header or path as aiohttp wants it, which writes UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
