"""Who calls: a key of the gateway or an access token of Entra ID, or the answer is 401.

It stands outside of metering, so a stranger's body is never read. What it refuses is metered all
the same, by the application that it hands refusals to:

    AccessControl(app, settings, door, refused=UsageMiddleware(answer_denied, meter))

Inward the request carries who its caller is (`scope[CALLER]`) and no credential any more: no
policy, log or backend further in can leak what it never gets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway_hooks.clock import SystemClock
from gateway_hooks.gateway.access.credential import credential_of, without_credentials
from gateway_hooks.gateway.access.denied import (
    DENIED,
    Denied,
    answer_denied,
    keys_unavailable,
    too_many_failures,
    unauthorized,
)
from gateway_hooks.gateway.access.entra import SigningKeysUnavailable, TokenRefused
from gateway_hooks.gateway.access.failures import Failures
from gateway_hooks.gateway.access.key_file import PREFIX
from gateway_hooks.known_caller import CALLER

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import App, Message, Receive, Scope, Send
    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.access.credential import Credential
    from gateway_hooks.gateway.access.entra import EntraTokens
    from gateway_hooks.gateway.access.key_snapshot import KeySnapshot
    from gateway_hooks.gateway.access.settings import AccessSettings
    from gateway_hooks.known_caller import KnownCaller

POLICY: Final = "access_control"
_UNAUTHORIZED: Final = unauthorized()
_KEYS_UNAVAILABLE: Final = keys_unavailable()


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of a caller after looking: who it is, or why it may not come in."""

    caller: KnownCaller | None = None
    reason: str | None = None
    is_unavailable: bool = False


@dataclass(frozen=True, slots=True)
class Door:
    """What callers are checked against; lives as long as the process."""

    keys: KeySnapshot
    tokens: EntraTokens | None = None
    failures: Failures = field(default_factory=Failures)
    clock: Clock = field(default_factory=SystemClock)

    async def look(self, credential: Credential) -> Finding:
        """Check a credential. A key costs the same work whatever becomes of it."""
        if credential.problem is not None:
            return Finding(reason=credential.problem)
        if credential.is_token and self.tokens is not None:
            return await _bearer(self.tokens, credential.text)
        if self.keys.is_due:
            await self.keys.renew()
        facts = self.keys.find(credential.text)
        return Finding(facts.caller, facts.reason_against(self.clock.wall_ns()))


class AccessControl:
    """Lets known callers in; a plain ASGI callable."""

    def __init__(
        self, app: App, settings: AccessSettings, door: Door, *, refused: App = answer_denied
    ) -> None:
        """Wrap an application.

        Args:
            app: what known callers reach.
            settings: cheap to change: the hook is made anew.
            door: keys, tokens and counts of failures.
            refused: answers what is refused; `UsageMiddleware(answer_denied, meter)` meters it.
        """
        self._app = app
        self._settings = settings
        self._door = door
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        credential = credential_of(scope)
        if self._settings.anonymous and not _may_be_ours(credential):
            await self._app(scope, receive, send)
            return
        finding = await self._door.look(credential)
        if finding.caller is not None and finding.reason is None:
            inward = without_credentials(scope)
            inward[CALLER] = finding.caller
            await self._app(inward, receive, send)
        elif self._settings.anonymous:
            await self._app(scope, receive, send)
        else:
            await self._refuse(finding, scope, send)

    async def _refuse(self, finding: Finding, scope: Scope, send: Send) -> None:
        denied = self._verdict(finding, scope)
        outward = without_credentials(scope)
        outward[DENIED] = denied
        if finding.caller is not None:
            # A key that has ended still tells whose it was: its owner has to be told.
            outward[CALLER] = finding.caller
        await self._refused(outward, _Nothing(scope["type"]), send)

    def _verdict(self, finding: Finding, scope: Scope) -> Denied:
        if finding.is_unavailable:
            return Denied(POLICY, "signing_keys_unavailable", _KEYS_UNAVAILABLE)
        settings = self._settings
        wait = self._door.failures.failed(scope, settings.failures, settings.failure_seconds)
        if wait:
            return Denied(POLICY, "too_many_failures", too_many_failures(wait))
        return Denied(POLICY, finding.reason or "unknown_key", _UNAUTHORIZED)


def _may_be_ours(credential: Credential) -> bool:
    return credential.is_token or credential.text.startswith(PREFIX)


async def _bearer(tokens: EntraTokens, token: str) -> Finding:
    caller = tokens.remembered(token)
    if caller is not None:
        return Finding(caller)
    try:
        return Finding(await tokens.check(token))
    except TokenRefused as refused:
        return Finding(reason=refused.reason)
    except SigningKeysUnavailable:
        return Finding(is_unavailable=True)


class _Nothing:
    """A `receive` without a body: what a stranger sends is not read."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._is_over = False

    async def __call__(self) -> Message:
        if self._is_over:
            return {"type": f"{self._kind}.disconnect"}
        self._is_over = True
        if self._kind == "websocket":
            return {"type": "websocket.connect"}
        return {"type": "http.request", "body": b"", "more_body": False}
