"""Keys that browsers offer as a WebSocket's subprotocol, because they cannot send headers.

The realtime API takes `Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.<key>`. Such an
offer is a credential: it counts as one for metering and access control, and is never passed on
where a key is exchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_PREFIX: Final = "openai-insecure-api-key."


def offered_key(subprotocols: Iterable[str]) -> str | None:
    """The key among the offered subprotocols (`scope["subprotocols"]`), if there is one."""
    for offered in subprotocols:
        if offered.startswith(KEY_PREFIX) and len(offered) > len(KEY_PREFIX):
            return offered[len(KEY_PREFIX) :]
    return None


def without_keys(subprotocols: Iterable[str]) -> list[str]:
    """The offers that prove nothing."""
    return [offered for offered in subprotocols if not offered.startswith(KEY_PREFIX)]
