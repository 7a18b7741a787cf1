"""HTTP clients for the openai SDK that record what goes through them.

    client = AzureOpenAI(..., http_client=metered_client())
    client = AsyncAzureOpenAI(..., http_client=async_metered_client())

While a request is served that `UsageMiddleware` records, a call through these clients is an
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
from typing import TYPE_CHECKING, cast

from gateway_hooks.errors import SettingsError
from gateway_hooks.transport import SDK_MAX_RETRIES, AsyncMeteredTransport, MeteredTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway_hooks.http_types import HttpClient, HttpOptions, HttpTransport
    from gateway_hooks.meter import Meter


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
