"""Requests that policies read as backends do: plain methods, plain bodies.

`TRACE` makes a server send back what it got, the gateway's own key for it among that. A compressed
body would be read by the backend alone: permissions, limits and Content Safety would judge what
they cannot see. No client of Azure OpenAI sends either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway_hooks.decisions import record_decision
from gateway_hooks.gateway.refusals import answer_with, refusal

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import App, Receive, Scope, Send
    from gateway_hooks.gateway.refusals import Refusal

POLICY: Final = "plain_requests"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ENCODING: Final = b"content-encoding"
_PLAIN: Final = frozenset({b"", b"identity"})


class PlainRequests:
    """Refuses what backends read in another way than the gateway; an ASGI application."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            found = _objection(scope)
            if found is not None:
                reason, refused = found
                record_decision(POLICY, "denied", reason)
                await answer_with(send, refused)
                return
        await self._app(scope, receive, send)


def _objection(scope: Scope) -> tuple[str, Refusal] | None:
    if scope["method"] not in _METHODS:
        message = "The gateway does not pass this method on."
        return "method", refusal(405, "MethodNotAllowed", message)
    for name, value in scope["headers"]:
        if name.lower() == _ENCODING and value.strip().lower() not in _PLAIN:
            message = "The gateway reads no compressed bodies: send it without Content-Encoding."
            return "content_encoding", refusal(415, "UnsupportedMediaType", message)
    return None
