"""The gateway's own refusals, in the form of Azure's errors so that SDKs understand them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Scope, Send

HANDSHAKE_ANSWERS: Final = "websocket.http.response"
"""The ASGI extension by which a handshake is answered with HTTP."""
_POLICY_VIOLATION: Final = 1008


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that the gateway holds completely: its own, or one kept from a backend."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def all_resting(wait_ms: float) -> Refusal:
    """Every backend asked to be left alone; the caller may come back when the first is ready."""
    seconds = max(1, math.ceil(wait_ms / 1000))
    message = f"Every backend of the gateway is throttled. Please retry after {seconds} seconds."
    retry = [
        (b"retry-after", b"%d" % seconds),
        (b"retry-after-ms", b"%d" % max(1, math.ceil(wait_ms))),
    ]
    return refusal(429, "429", message, retry)


def all_broken(wait_ms: float) -> Refusal:
    """Every backend keeps failing; one request at a time finds out whether one is back."""
    message = "No backend of the gateway works at present. Please retry shortly."
    retry = [(b"retry-after", b"%d" % max(1, math.ceil(wait_ms / 1000)))]
    return refusal(503, "BackendUnavailable", message, retry)


def no_deployment() -> Refusal:
    """No pool has what was asked for; in the words of Azure, by which its SDKs know it."""
    message = "The API deployment for this resource does not exist."
    return refusal(404, "DeploymentNotFound", message)


def unreachable() -> Refusal:
    """No backend could be reached, or none answered."""
    message = "No backend of the gateway could be reached. Please retry shortly."
    return refusal(502, "BackendUnreachable", message)


def too_slow() -> Refusal:
    """No backend answered in time."""
    message = "No backend of the gateway answered in time. Please retry shortly."
    return refusal(504, "BackendTimeout", message)


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Refuse a request, or the handshake of a WebSocket that is not accepted yet.

    A server without the ASGI extension for answers to a handshake gives 403 in place of it.
    """
    if scope["type"] == "http":
        await answer_with(send, refusal)
    elif HANDSHAKE_ANSWERS in (scope.get("extensions") or {}):
        start = {"status": refusal.status, "headers": refusal.headers}
        await send({"type": f"{HANDSHAKE_ANSWERS}.start", **start})
        body = {"body": refusal.body, "more_body": False}
        await send({"type": f"{HANDSHAKE_ANSWERS}.body", **body})
    else:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})


async def answer_with(send: Send, refusal: Refusal) -> None:
    """Give a caller the whole of a refusal."""
    start = {"type": "http.response.start", "status": refusal.status, "headers": refusal.headers}
    await send(start)
    await send({"type": "http.response.body", "body": refusal.body, "more_body": False})


def refusal(
    status: int,
    code: str,
    message: str,
    headers: list[tuple[bytes, bytes]] | None = None,
    **details: object,
) -> Refusal:
    """A refusal in the form of Azure's errors; `details` stand beside code and message."""
    body = json.dumps({"error": {"code": code, "message": message, **details}}).encode()
    described = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    return Refusal(status, described + (headers or []), body)


def kept(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Refusal:
    """A backend's refusal, held until it is known whether another backend answers."""
    length = (b"content-length", b"%d" % len(body))
    others = [pair for pair in headers if pair[0].lower() != b"content-length"]
    return Refusal(status, [*others, length], body)
