"""Refusing a WebSocket's handshake in HTTP's words, as far as the server can say them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Scope, Send
    from gateway_hooks.gateway.refusals import Refusal

EXTENSION: Final = "websocket.http.response"
_POLICY: Final = 1008


async def refuse_handshake(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer a handshake that was not accepted yet with a refusal.

    A server without the ASGI extension for that answers 403 instead.
    """
    if EXTENSION not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": _POLICY})
        return
    start = {"status": refusal.status, "headers": refusal.headers}
    await send({"type": f"{EXTENSION}.start", **start})
    await send({"type": f"{EXTENSION}.body", "body": refusal.body, "more_body": False})
