"""The four clients of the openai SDK, told where to go as its documentation says."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import openai

from tests.gateway_hooks.gateway.clients.calls import entered

VERSION = "2025-04-01-preview"


def azure(url: str, key: str) -> dict[str, Any]:
    """What Azure's clients are told."""
    return {"azure_endpoint": url, "api_key": key, "api_version": VERSION}


def release(url: str, key: str) -> dict[str, Any]:
    """What OpenAI's clients are told."""
    return {"base_url": f"{url}/openai/v1", "api_key": key}


KINDS: list[tuple[Any, Any]] = [
    (openai.AzureOpenAI, azure),
    (openai.AsyncAzureOpenAI, azure),
    (openai.OpenAI, release),
    (openai.AsyncOpenAI, release),
]
_CERTIFICATES = ssl.create_default_context()
"""Read once: each client would read them anew, which takes longer than most tests."""


@contextlib.asynccontextmanager
async def client_of(kind: tuple[Any, Any], url: str, key: str, **more: Any) -> AsyncIterator[Any]:
    """A client that is closed at the end."""
    make, told = kind
    is_async = make in {openai.AsyncAzureOpenAI, openai.AsyncOpenAI}
    http = openai.DefaultAsyncHttpxClient if is_async else openai.DefaultHttpxClient
    options = {"max_retries": 0, "http_client": http(verify=_CERTIFICATES), **more}
    async with entered(make(**told(url, key), **options)) as client:
        yield client
