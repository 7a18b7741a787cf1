"""The signing keys of one issuer, found by OpenID discovery and kept up to date.

They are renewed in the background before they are old, so requests do not wait for it. An unknown
key id, which is what a rollover looks like and a forger's token too, leads to one fetch a minute
at most. While the issuer cannot be reached the last keys stay in force.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.clock import NANOSECONDS_PER_SECOND, SystemClock
from gateway_hooks.gateway.access.fetch import FetchFailed, fetch_json
from gateway_hooks.gateway.access.settings import is_safe_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jwt import PyJWK

    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.access.fetch import Fetch

RENEWED_EVERY_NS: Final = 3600 * NANOSECONDS_PER_SECOND
ASKED_AGAIN_NS: Final = 60 * NANOSECONDS_PER_SECOND
_FIRST_AGAIN_NS: Final = 5 * NANOSECONDS_PER_SECOND
_KEY_TYPES: Final = frozenset({"RSA", "EC"})
_MOST_KEYS: Final = 100
_log = logging.getLogger("gatemeter.gateway")


class SigningKeys:
    """Keys by id; long-lived, so that a reload of settings does not fetch anew."""

    def __init__(
        self,
        configuration_url: str,
        issuers: Sequence[str],
        *,
        fetch: Fetch = fetch_json,
        clock: Clock | None = None,
    ) -> None:
        """Of the issuers whose OpenID configuration is at an address.

        Args:
            configuration_url: from the settings, never from a token.
            issuers: who the configuration may say that it is.
            fetch: how documents are fetched.
            clock: the system's unless a test has another.
        """
        self._url = configuration_url
        self._issuers = frozenset(issuers)
        self._fetch = fetch
        self._clock: Clock = clock or SystemClock()
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched_ns = 0
        self._tried_ns: int | None = None
        self._task: asyncio.Task[None] | None = None
        self.problem: str | None = None
        """One line on why the keys may be old; None when all is well."""

    @property
    def are_known(self) -> bool:
        """Whether any key was ever fetched."""
        return bool(self._keys)

    async def find(self, kid: str) -> PyJWK | None:
        """The key of an id; None when the issuer has none, as far as is known."""
        now = self._clock.monotonic_ns()
        key = self._keys.get(kid)
        if key is None:
            if self._may_ask(now, ASKED_AGAIN_NS if self._keys else _FIRST_AGAIN_NS):
                await asyncio.wait({self._begin()})
            elif self._task is not None and not self._task.done():
                await asyncio.wait({self._task})
            return self._keys.get(kid)
        if now - self._fetched_ns > RENEWED_EVERY_NS and self._may_ask(now, ASKED_AGAIN_NS):
            self._begin()
        return key

    def _may_ask(self, now: int, pause_ns: int) -> bool:
        return self._tried_ns is None or now - self._tried_ns >= pause_ns

    def _begin(self) -> asyncio.Task[None]:
        self._tried_ns = self._clock.monotonic_ns()
        self._task = asyncio.get_running_loop().create_task(self._renew())
        return self._task

    async def _renew(self) -> None:
        try:
            keys = await self._fetched()
        except FetchFailed as error:
            if self.problem != str(error):
                _log.warning("signing keys: %s; the last ones stay in force", error)
            self.problem = str(error)
            return
        self._keys, self.problem = keys, None
        self._fetched_ns = self._clock.monotonic_ns()

    async def _fetched(self) -> dict[str, PyJWK]:
        configuration = await self._fetch(self._url)
        if configuration.get("issuer") not in self._issuers:
            raise FetchFailed(f"{self._url} is the configuration of another issuer")
        address = configuration.get("jwks_uri")
        if not isinstance(address, str) or not is_safe_url(address):
            raise FetchFailed(f"{self._url} names no https address of its keys")
        document = await self._fetch(address)
        keys = _usable(document.get("keys"))
        if not keys:
            raise FetchFailed(f"{address} has no signing key that can be used")
        return keys


def _usable(listed: object) -> dict[str, PyJWK]:
    """Keys of the allowed kinds; one that cannot be read does not spoil the others."""
    found = {}
    for one in listed[:_MOST_KEYS] if isinstance(listed, list) else ():
        key = _read(one) if isinstance(one, dict) else None
        if key is not None:
            found[str(one["kid"])] = key
    return found


def _read(described: dict[str, Any]) -> PyJWK | None:
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    kid, kind = described.get("kid"), described.get("kty")
    if not isinstance(kid, str) or kind not in _KEY_TYPES or described.get("use", "sig") != "sig":
        return None
    try:
        # Entra's keys name no algorithm; PyJWT takes RS256 for RSA and the curve's own for EC.
        return PyJWK(described)
    except (PyJWTError, ValueError, TypeError):
        return None
