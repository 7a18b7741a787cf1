"""Transports for httpx and httpx2 that record what goes through them.

`metered_clients.py` says how they are used with the openai SDK. In short: inside of a request that
`UsageMiddleware` records, a call is an attempt of it; elsewhere one call to the SDK, with the
tries that the SDK makes by itself, is one event, appended before the answer's last bytes are
handed out.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Self, TypeVar, cast

from gateway_hooks.async_settle import settle
from gateway_hooks.meter import default_meter
from gateway_hooks.metered_stream import async_metered_stream, metered_stream
from gateway_hooks.outgoing import OutgoingRequest, watch
from gateway_hooks.paused import Lane
from gateway_hooks.reading.headers import lower_headers, whole_number

if TYPE_CHECKING:
    from types import TracebackType

    from gateway_hooks.exchange import Exchange
    from gateway_hooks.http_types import HttpRequest, HttpResponse, HttpTransport
    from gateway_hooks.meter import Meter
    from gateway_hooks.outgoing import Watch

T = TypeVar("T")

SDK_MAX_RETRIES = 2
"""`openai.DEFAULT_MAX_RETRIES`."""


class MeteredTransport:
    """A transport of httpx or httpx2 that records what goes through it."""

    def __init__(
        self,
        inner: HttpTransport,
        *,
        meter: Meter | None = None,
        max_retries: int = SDK_MAX_RETRIES,
    ) -> None:
        """Wrap a transport.

        Args:
            inner: does the sending, such as `httpx.HTTPTransport()`.
            meter: the process's own when not given.
            max_retries: how often the SDK tries again; what its client was given.

        Raises:
            SettingsError: a setting cannot be used; the message names the variable.
        """
        self._inner = inner
        self._meter = meter or default_meter()
        self._max_retries = max_retries

    def handle_request(self, request: HttpRequest) -> HttpResponse:
        """Send a request; the inner transport's answers and errors pass unchanged."""
        length = whole_number(request.headers.get("content-length"))
        if length is not None and length <= self._meter.max_body_bytes:
            request.read()
        watching = None
        with self._meter.safety("begin"):
            lane = Lane(threading.current_thread(), self)
            watching = watch(
                self._meter, _outgoing(request), _task_lane(self) or lane, self._max_retries
            )
        if watching is None:
            return self._inner.handle_request(request)
        try:
            response = self._inner.handle_request(_to_send(request, watching))
        except BaseException as error:
            _note(watching, error)
            exchange = watching.over()
            if exchange is not None:
                exchange.settle()
            raise
        watching.answered(response.status_code, response.headers)
        if response.is_closed:
            exchange = _read_already(response, watching, self._meter)
            if exchange is not None:
                exchange.settle()
        else:
            response.stream = metered_stream(response.stream, watching)
        return response

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._inner.__exit__(kind, error, traceback)


class AsyncMeteredTransport:
    """The same for asyncio."""

    def __init__(
        self,
        inner: HttpTransport,
        *,
        meter: Meter | None = None,
        max_retries: int = SDK_MAX_RETRIES,
    ) -> None:
        """Wrap a transport; see `MeteredTransport`."""
        self._inner = inner
        self._meter = meter or default_meter()
        self._max_retries = max_retries

    async def handle_async_request(self, request: HttpRequest) -> HttpResponse:
        """Send a request; the inner transport's answers and errors pass unchanged."""
        length = whole_number(request.headers.get("content-length"))
        if length is not None and length <= self._meter.max_body_bytes:
            await request.aread()
        watching = None
        with self._meter.safety("begin"):
            watching = watch(self._meter, _outgoing(request), _task_lane(self), self._max_retries)
        if watching is None:
            return await self._inner.handle_async_request(request)
        try:
            response = await self._inner.handle_async_request(_to_send(request, watching))
        except BaseException as error:
            _note(watching, error)
            exchange = watching.over()
            if exchange is not None and isinstance(error, Exception):
                await settle(exchange)
            elif exchange is not None:
                exchange.settle_in_background()
            raise
        watching.answered(response.status_code, response.headers)
        if response.is_closed:
            exchange = _read_already(response, watching, self._meter)
            if exchange is not None:
                await settle(exchange)
        else:
            response.stream = async_metered_stream(response.stream, watching)
        return response

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(kind, error, traceback)


def metered_transport(
    inner: T, *, meter: Meter | None = None, max_retries: int = SDK_MAX_RETRIES
) -> T:
    """`MeteredTransport`, declared as the transport that it wraps: for clients of your own.

    Raises:
        SettingsError: a setting cannot be used; the message names the variable.
    """
    return cast("T", MeteredTransport(inner, meter=meter, max_retries=max_retries))


def async_metered_transport(
    inner: T, *, meter: Meter | None = None, max_retries: int = SDK_MAX_RETRIES
) -> T:
    """The same for asyncio."""
    return cast("T", AsyncMeteredTransport(inner, meter=meter, max_retries=max_retries))


def _outgoing(request: HttpRequest) -> OutgoingRequest:
    url = request.url
    # A request whose body is still a stream has none in memory.
    body = getattr(request, "_content", None)
    return OutgoingRequest(
        method=request.method,
        host=url.netloc.decode("ascii"),
        path=url.path,
        query=url.query.decode("ascii"),
        headers=lower_headers(request.headers),
        body=body,
    )


def _to_send(request: HttpRequest, watching: Watch) -> HttpRequest:
    """The request, or a copy with the body that asks for usage."""
    body = watching.body_to_send
    if body is None:
        return request
    headers = request.headers.copy()
    headers["content-length"] = str(len(body))
    headers["accept-encoding"] = "identity"
    return type(request)(
        request.method, request.url, headers=headers, content=body, extensions=request.extensions
    )


def _read_already(response: HttpResponse, watching: Watch, meter: Meter) -> Exchange | None:
    """An answer that came whole, from memory or a cache: its stream will not be read any more."""
    with meter.safety("answer"):
        watching.feed(b"".join(response.stream))
    return watching.over()


def _note(watching: Watch, error: BaseException) -> None:
    """No answer: the call failed, or its task was cancelled, which is the caller's leaving."""
    if isinstance(error, Exception):
        watching.failed(error)
    else:
        watching.left()


def _task_lane(transport: object) -> Lane | None:
    """The running asyncio task; None outside of one."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    return None if task is None else Lane(task, transport)
