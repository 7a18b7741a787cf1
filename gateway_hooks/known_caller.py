"""Who a gateway has found its caller to be: handed inward in the scope of the request.

Access control puts it there (`scope[CALLER]`); metering, limits and budgets read it. Any other
gateway's own authentication may put it there as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Scope
    from gateway_hooks.event import AuthType

CALLER: Final = "gatemeter.caller"


@dataclass(frozen=True, slots=True)
class KnownCaller:
    """A caller whose credential was checked."""

    key_id: str
    """The fingerprint that reports know it by; the same after its key was rotated."""
    auth_type: AuthType = "api_key"
    key_name: str | None = None
    team: str | None = None
    product: str | None = None
    """What it was let in by: which deployments it may call, and with which limits."""


def caller_of(scope: Scope) -> KnownCaller | None:
    """The caller of a request, if somebody has checked it."""
    found = scope.get(CALLER)
    return found if isinstance(found, KnownCaller) else None
