"""One request as the policies of the gateway see it: read once, handed inward in its scope.

    request = await incoming(scope, receive)
    ...
    await self._app(scope, request.body.receive, send)

Whoever asks first reads the body; the others find what was read. A policy that is used alone, in
another gateway, hands `request.body.receive` on, which gives the body as it came.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gateway_hooks.attempts import current_exchange
from gateway_hooks.gateway.pool.affinity import makes_items, wanted_item
from gateway_hooks.gateway.request_body import RequestBody
from gateway_hooks.reading.headers import first_header
from gateway_hooks.reading.operations import recognise
from gateway_hooks.reading.request import RequestFacts, read_request

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Receive, Scope
    from gateway_hooks.reading.operations import Call

KEPT_BYTES: Final = 32 << 20
"""Longest request body that is kept, so that it can be read and sent to a second backend."""
KEPT: Final = "gatemeter.kept_bytes"
"""In a scope: how long a body may be to be kept, for all policies that a request passes."""
_INCOMING: Final = "gatemeter.incoming"
_LENGTH: Final = b"content-length"


@dataclass(slots=True)
class IncomingRequest:
    """A request whose body was read as far as it is kept."""

    method: str
    path: str
    target: bytes
    """Path and query exactly as they were sent."""
    headers: list[tuple[bytes, bytes]]
    body: RequestBody
    call: Call
    facts: RequestFacts
    """What the body says: model, stream, images and so on."""
    origin: bytes | None
    """Scheme and host by which the caller reached the gateway."""
    deployment: str | None
    """Deployment or model that is asked for: what permissions and limits apply to."""
    item_id: str | None
    """Stored response or operation that the request refers to."""
    makes_item: bool


async def incoming(
    scope: Scope, receive: Receive, *, kept_bytes: int = KEPT_BYTES
) -> IncomingRequest:
    """The request of a scope, its body read unless that is done.

    Args:
        scope: of the request; what it says under `KEPT` goes before `kept_bytes`.
        receive: of the request.
        kept_bytes: longest body that is read and kept.

    Raises:
        ClientLeft: the caller is gone before its request was complete.
    """
    found = scope.get(_INCOMING)
    if isinstance(found, IncomingRequest):
        return found
    request = read_incoming(scope, await RequestBody.read(receive, scope.get(KEPT, kept_bytes)))
    scope[_INCOMING] = request
    return request


def handed_on(scope: Scope, request: IncomingRequest) -> Scope:
    """The scope for whoever is further inward, after a policy has changed the request."""
    raw_path, _, query = request.target.partition(b"?")
    length = request.body.kept
    headers = [
        (name, b"%d" % len(length) if length is not None and name.lower() == _LENGTH else value)
        for name, value in request.headers
    ]
    changed = replace(request, headers=headers)
    return {
        **scope,
        "path": request.path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": headers,
        _INCOMING: changed,
    }


def _facts(call: Call, headers: list[tuple[bytes, bytes]], body: bytes) -> RequestFacts:
    exchange = current_exchange.get()
    if exchange is not None and exchange.call is call and exchange.body == body:
        return exchange.request  # the metering has read the same
    content_type = first_header(headers, b"content-type") or b""
    return read_request(call, content_type.decode("latin-1"), body)


def read_incoming(scope: Scope, body: RequestBody) -> IncomingRequest:
    """Read a request line and, for what is only in the body, the body."""
    method, path = scope["method"], scope["path"]
    query: bytes = scope.get("query_string", b"")
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    call = recognise(method, path, query.decode("latin-1"))
    facts = RequestFacts()
    if call.reads_usage and body.kept:
        facts = _facts(call, headers, body.kept)
    host = first_header(headers, b"host")
    raw_path: bytes = scope.get("raw_path") or quote(path).encode()
    if not raw_path.startswith(b"/"):
        raw_path = b"/" + raw_path  # no request line makes us speak to another host
    return IncomingRequest(
        method=method,
        path=path,
        target=raw_path + b"?" + query if query else raw_path,
        headers=headers,
        body=body,
        call=call,
        facts=facts,
        origin=None if host is None else scope.get("scheme", "http").encode() + b"://" + host,
        deployment=call.deployment or facts.model,
        item_id=wanted_item(call, path, body.kept),
        makes_item=method == "POST" and makes_items(call, path),
    )
