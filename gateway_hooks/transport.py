"""Metering for the openai SDK, and for everything else that sends through httpx or httpx2.

    client = AzureOpenAI(..., http_client=metered_client())
    client = AsyncAzureOpenAI(..., http_client=async_metered_client())

While a request is served that `UsageMiddleware` records, a call through these transports is an
attempt of that request and makes no event of its own. Everywhere else one call to the SDK is one
event: the tries that the SDK makes by itself (429, 5xx, no connection) become the event's attempts.

How that stays sound: see `gateway_hooks.paused`. Give the client and its `http_client` the same
`max_retries` when you change it (the SDK's default is 2): the last allowed try is recorded at
once, while a failure that could be tried again is recorded when the next try is, or seconds later
when none came; a process killed in between loses that failure, which charged nothing. Calls that
are not the SDK's, or not under asyncio or threads, are one event each.

As in the middleware, the event is appended before the answer's last bytes are handed out, and
streams that did not ask for usage are asked for it. A streamed answer that is neither read to its
end nor closed makes no event: the SDK closes it when its iterator goes away.
"""

from __future__ import annotations

import importlib
import sys
import threading
from typing import TYPE_CHECKING, Self, TypeVar, cast

from gateway_hooks.async_settle import settle
from gateway_hooks.errors import SettingsError
from gateway_hooks.headers import lower_headers
from gateway_hooks.meter import default_meter
from gateway_hooks.metered_stream import async_metered_stream, metered_stream
from gateway_hooks.outgoing import OutgoingRequest, watch
from gateway_hooks.paused import Lane

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gateway_hooks.exchange import Exchange
    from gateway_hooks.http_types import (
        HttpClient,
        HttpOptions,
        HttpRequest,
        HttpResponse,
        HttpTransport,
    )
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
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) <= self._meter.max_body_bytes:
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
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) <= self._meter.max_body_bytes:
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


def metered_client(
    *, meter: Meter | None = None, max_retries: int = SDK_MAX_RETRIES, **options: HttpOptions
) -> HttpClient:
    """An HTTP client with the SDK's own defaults that records what goes through it.

    Args:
        meter: the process's own when not given.
        max_retries: how often the SDK tries again; what its client is given.
        options: of `openai.DefaultHttpxClient`, or of httpx's client where there is no SDK.

    Raises:
        SettingsError: a setting cannot be used; the message names the variable.
    """
    client = _client_class("DefaultHttpxClient", "Client")(**options)
    return _wrapped(
        client, lambda inner: MeteredTransport(inner, meter=meter, max_retries=max_retries)
    )


def async_metered_client(
    *, meter: Meter | None = None, max_retries: int = SDK_MAX_RETRIES, **options: HttpOptions
) -> HttpClient:
    """The same for `AsyncAzureOpenAI` and `AsyncOpenAI`."""
    client = _client_class("DefaultAsyncHttpxClient", "AsyncClient")(**options)
    return _wrapped(
        client, lambda inner: AsyncMeteredTransport(inner, meter=meter, max_retries=max_retries)
    )


def _client_class(of_sdk: str, of_library: str) -> Callable[..., HttpClient]:
    """The SDK's class of clients, which brings its time limits and its HTTP library."""
    try:
        return cast("Callable[..., HttpClient]", getattr(importlib.import_module("openai"), of_sdk))
    except ModuleNotFoundError:
        pass
    for library in ("httpx2", "httpx"):
        try:
            module = importlib.import_module(library)
        except ModuleNotFoundError:
            continue
        return cast("Callable[..., HttpClient]", getattr(module, of_library))
    raise SettingsError("no HTTP library to meter: pip install openai, or httpx")


def _wrapped(client: HttpClient, wrap: Callable[[HttpTransport], HttpTransport]) -> HttpClient:
    """The client with each of its transports wrapped, those for the environment's proxies too.

    Handing over a `transport` instead would switch proxies and the client's own limits off.
    """
    # No public way leads to them; both libraries have had these attributes since their beginning.
    client._transport = wrap(client._transport)  # noqa: SLF001
    client._mounts = {  # noqa: SLF001
        pattern: None if inner is None else wrap(inner)
        for pattern, inner in client._mounts.items()  # noqa: SLF001
    }
    return client


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
