"""One request as the gateway sees it: where it wants to go and what it refers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from gateway_hooks.gateway.affinity import makes_items, wanted_item
from gateway_hooks.reading.operations import recognise
from gateway_hooks.reading.request import read_request

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Scope
    from gateway_hooks.gateway.request_body import RequestBody


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """A request whose body was read as far as it is kept."""

    method: str
    target: bytes
    """Path and query exactly as they were sent."""
    headers: list[tuple[bytes, bytes]]
    body: RequestBody
    origin: bytes | None
    """Scheme and host by which the caller reached the gateway."""
    deployment: str | None
    """Deployment or model that is asked for: what limits apply to."""
    item_id: str | None
    """Stored response or operation that the request refers to."""
    makes_item: bool


def incoming(scope: Scope, body: RequestBody) -> IncomingRequest:
    """Read a request line and, for what is only in the body, the body."""
    method, path = scope["method"], scope["path"]
    query: bytes = scope.get("query_string", b"")
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    call = recognise(method, path, query.decode("latin-1"))
    deployment = call.deployment
    if deployment is None and call.reads_usage and body.kept:
        content_type = _header(headers, b"content-type") or b""
        deployment = read_request(call, content_type.decode("latin-1"), body.kept).model
    host = _header(headers, b"host")
    raw_path: bytes = scope.get("raw_path") or quote(path).encode()
    if not raw_path.startswith(b"/"):
        raw_path = b"/" + raw_path  # no request line makes us speak to another host
    return IncomingRequest(
        method=method,
        target=raw_path + b"?" + query if query else raw_path,
        headers=headers,
        body=body,
        origin=None if host is None else scope.get("scheme", "http").encode() + b"://" + host,
        deployment=deployment,
        item_id=wanted_item(call, path, body.kept),
        makes_item=method == "POST" and makes_items(call, path),
    )


def _header(headers: list[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    return next((value for name, value in headers if name.lower() == wanted), None)
