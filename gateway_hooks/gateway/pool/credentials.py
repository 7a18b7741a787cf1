"""What the gateway proves itself with to a backend: its key, or a token of Entra ID.

Tokens come from azure-identity, which knows the managed identity of a machine or pod, workload
identities and a developer's own login. They are fetched when first needed and renewed in good time,
by one request while the others go on with the old one. After a failure nobody asks for a second,
so that requests do not queue up behind a sign-in that hangs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.pool.backends import Backend

SCOPE: Final = "https://cognitiveservices.azure.com/.default"
_RENEW_SECONDS: Final = 300.0
_LONGEST_FETCH: Final = 10.0
_RETRY_SECONDS: Final = 1.0


class CredentialError(Exception):
    """No token could be had; the message is the error's class, since texts may hold secrets."""


class Token(Protocol):
    """What azure-identity gives."""

    @property
    def token(self) -> str:
        """Its text."""

    @property
    def expires_on(self) -> int:
        """Seconds since 1970."""


class TokenSource(Protocol):
    """An asynchronous credential of azure-identity."""

    async def get_token(self, *scopes: str) -> Token:
        """A token for the scopes."""

    async def close(self) -> None:
        """Let go of its connections."""


class Credentials:
    """The headers that backends want; tokens are kept until they are nearly over."""

    def __init__(self, clock: Clock, make: Callable[[str], TokenSource] | None = None) -> None:
        self._clock = clock
        self._make = make or azure_identity
        self._sources: dict[str, TokenSource] = {}
        self._tokens: dict[str, Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._failed: dict[str, tuple[int, CredentialError]] = {}
        """When a fetch failed last, by the monotonic clock, and how."""

    async def header(self, backend: Backend) -> tuple[bytes, bytes] | None:
        """The header for a backend; None where the caller's own credential is passed on.

        Raises:
            CredentialError: there is no token.
        """
        if backend.key is not None:
            return (b"api-key", backend.key.encode())
        if backend.identity is None:
            return None
        return (b"authorization", b"Bearer " + (await self.token(backend.identity)).encode())

    async def token(self, identity: str) -> str:
        """A token that holds for a while.

        Raises:
            CredentialError: there is none.
        """
        known = self._tokens.get(identity)
        left = 0.0 if known is None else known.expires_on - self._clock.wall_ns() / 1e9
        lock = self._locks.setdefault(identity, asyncio.Lock())
        if known is not None and (left > _RENEW_SECONDS or (left > 0 and lock.locked())):
            return known.token
        async with lock:
            fetched = self._tokens.get(identity)
            if fetched is not None and fetched is not known:
                return fetched.token  # by somebody else, just now
            try:
                self._check_pause(identity)
                return await self._fetch(identity)
            except CredentialError:
                if known is not None and left > 0:
                    return known.token
                raise

    def _check_pause(self, identity: str) -> None:
        """Raise what a fetch failed with, if that was just now."""
        at, error = self._failed.get(identity, (None, None))
        if at is None or error is None:
            return
        if self._clock.monotonic_ns() - at < _RETRY_SECONDS * 1e9:
            raise CredentialError(*error.args)

    async def _fetch(self, identity: str) -> str:
        try:
            source = self._sources.get(identity) or self._make(identity)
            self._sources[identity] = source
            async with asyncio.timeout(_LONGEST_FETCH):
                token = await source.get_token(SCOPE)
        except Exception as error:  # noqa: BLE001 - each credential has errors of its own
            failed = CredentialError(type(error).__name__)
            self._failed[identity] = self._clock.monotonic_ns(), failed
            raise failed from None
        self._failed.pop(identity, None)
        self._tokens[identity] = token
        return token.token

    async def close(self) -> None:
        """Let go of connections."""
        for source in self._sources.values():
            await source.close()
        self._sources.clear()
        self._tokens.clear()


def azure_identity(identity: str) -> TokenSource:
    """`default`, `managed`, or `managed:CLIENT_ID`."""
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    kind, _, client_id = identity.partition(":")
    if kind == "managed":
        return ManagedIdentityCredential(client_id=client_id or None)
    return DefaultAzureCredential()
