"""How access control and permissions refuse: an answer in Azure's form, a reason in the event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway_hooks.decisions import record_decision
from gateway_hooks.gateway.refusals import refusal, refuse

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Receive, Scope, Send
    from gateway_hooks.gateway.refusals import Refusal

DENIED: Final = "gatemeter.denied"


@dataclass(frozen=True, slots=True)
class Denied:
    """A request that a policy refuses."""

    policy: str
    reason: str
    """For the event only: what the caller is told does not tell the reasons apart."""
    refusal: Refusal


async def answer_denied(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI's shape
    """An application that gives the refusal of the scope; to be metered like any other."""
    denied = scope[DENIED]
    record_decision(denied.policy, "denied", denied.reason)
    await refuse(scope, send, denied.refusal)


async def deny(denied: Denied, scope: Scope, send: Send) -> None:
    """Refuse a request inside of its metering."""
    record_decision(denied.policy, "denied", denied.reason)
    await refuse(scope, send, denied.refusal)


def unauthorized() -> Refusal:
    """One answer to every credential that is missing or does not work, whatever the cause."""
    return refusal(
        401,
        "401",
        "Access denied due to a missing, invalid or expired credential. Make sure to provide a "
        "valid key of this gateway in the header api-key, or an access token for it.",
        [(b"www-authenticate", b'Bearer realm="gatemeter"')],
    )


def too_many_failures(seconds: int) -> Refusal:
    """Too many wrong credentials came from one address."""
    return refusal(
        429,
        "429",
        "Too many requests with invalid credentials came from your address. "
        f"Please retry after {seconds} seconds.",
        [(b"retry-after", b"%d" % seconds)],
    )


def keys_unavailable() -> Refusal:
    """The issuer's signing keys could not be fetched yet, so no token can be checked."""
    return refusal(
        503,
        "ServiceUnavailable",
        "Access tokens cannot be checked at the moment. Please retry after 5 seconds.",
        [(b"retry-after", b"5")],
    )
