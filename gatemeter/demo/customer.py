"""One caller with its clients: the openai SDK in every way people use it, and plain HTTP."""

from __future__ import annotations

import functools
import ssl
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
from openai import (
    APIConnectionError,
    APIStatusError,
    AsyncAzureOpenAI,
    AsyncOpenAI,
    AzureOpenAI,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
)

from gatemeter.demo.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from gatemeter.demo.cast import DemoCaller
    from gatemeter.demo.seen import ClientBooks
    from gatemeter.simulator.ledger import Entry

API_VERSION: Final = "2024-10-21"
ID_HEADER: Final = "x-ms-client-request-id"
_SECONDS: Final = 60.0
_BILLED_REFUSAL: Final = "content_filter"
UNANSWERED: Final = 0
"""The status code of a request that got no answer at all; through a gateway there is none."""


@functools.cache
def _tls() -> ssl.SSLContext:
    """One for all: making it takes longer than the rest of a client, and here it is never used."""
    return ssl.create_default_context()


def _http() -> DefaultAsyncHttpxClient:
    return DefaultAsyncHttpxClient(verify=_tls(), timeout=_SECONDS)


@dataclass(frozen=True, slots=True)
class Customer:
    """A caller that is connected to the gateway. SDK retries are off: one call is one request."""

    caller: DemoCaller
    azure: AsyncAzureOpenAI
    azure_sync: AzureOpenAI
    v1: AsyncOpenAI
    http: httpx.AsyncClient
    ledgers: Callable[[str], list[Entry]]
    """What the providers billed for a request, by the id that its caller gave it."""
    books: ClientBooks
    rng: Random

    @classmethod
    def connect(
        cls,
        caller: DemoCaller,
        gateway: str,
        ledgers: Callable[[str], list[Entry]],
        books: ClientBooks,
        rng: Random,
    ) -> Self:
        """Make the clients of one caller."""
        token = caller.bearer_token
        secret: dict[str, Any] = (
            {"api_key": caller.key} if token is None else {"azure_ad_token": token}
        )
        azure: dict[str, Any] = {
            "azure_endpoint": gateway,
            "api_version": API_VERSION,
            "max_retries": 0,
        }
        headers = (
            {"api-key": caller.key or ""} if token is None else {"authorization": f"Bearer {token}"}
        )
        return cls(
            caller=caller,
            azure=AsyncAzureOpenAI(**secret, **azure, http_client=_http()),
            azure_sync=AzureOpenAI(
                **secret,
                **azure,
                http_client=DefaultHttpxClient(verify=_tls(), timeout=_SECONDS),
            ),
            v1=AsyncOpenAI(
                base_url=f"{gateway}/openai/v1",
                api_key=token or caller.key,
                max_retries=0,
                http_client=_http(),
            ),
            http=httpx.AsyncClient(
                base_url=gateway, headers=headers, timeout=_SECONDS, verify=_tls()
            ),
            ledgers=ledgers,
            books=books,
            rng=rng,
        )

    async def close(self) -> None:
        """Close its connections."""
        await self.azure.close()
        self.azure_sync.close()
        await self.v1.close()
        await self.http.aclose()

    async def make(
        self, operation: str, ask: Callable[[dict[str, str]], Awaitable[Seen | None]]
    ) -> None:
        """Make one request and write down what its caller saw.

        Args:
            operation: what kind of request it is.
            ask: makes it with the given headers; None when its answer told no usage.
        """
        request_id = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        headers = {ID_HEADER: request_id, "x-gatemeter-tags": f"app={self.caller.name}"}
        try:
            seen = await ask(headers) or Seen.billed(operation, self.ledgers(request_id))
        except APIStatusError as error:
            seen = Seen(operation, error.status_code)
            if error.code == _BILLED_REFUSAL:
                seen = Seen.billed(operation, self.ledgers(request_id), error.status_code)
        except (APIConnectionError, httpx.TransportError):
            seen = Seen(operation, UNANSWERED)
        self.books.add(seen)
