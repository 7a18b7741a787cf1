"""Refusing a WebSocket: with the same answer as a request's where the server can send one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Receive, Scope, Send
    from gateway_hooks.gateway.refusals import Refusal

_ANSWERS: Final = "websocket.http.response"
_POLICY_VIOLATION: Final = 1008


async def refuse_handshake(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    """Deny a handshake that was not accepted yet."""
    if (await receive())["type"] != "websocket.connect":
        return
    if _ANSWERS not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    start = {"type": f"{_ANSWERS}.start", "status": refusal.status, "headers": refusal.headers}
    await send(start)
    await send({"type": f"{_ANSWERS}.body", "body": refusal.body, "more_body": False})
