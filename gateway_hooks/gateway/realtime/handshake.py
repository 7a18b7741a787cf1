"""A client's handshake, and what of it a backend gets to see: everything but the client's keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_plus

from gateway_hooks.fingerprint import KEY_PARAMETERS
from gateway_hooks.gateway.pool.wire_headers import answer_headers, request_headers
from gateway_hooks.reading.operations import recognise
from gateway_hooks.subprotocols import without_keys

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Scope
    from gateway_hooks.gateway.pool.backends import Backend
    from gateway_hooks.gateway.pool.wire_headers import RawHeaders

_HANDSHAKE: Final = b"sec-websocket-"
_MADE_ANEW: Final = frozenset({b"host", b"upgrade", b"connection", b"content-length"})
_OTHER_CREDENTIALS: Final = frozenset({b"x-api-key", b"cookie"})
_DEPLOYMENT: Final = frozenset({"deployment", "model"})
_OF_THE_SERVER: Final = frozenset({b"date", b"server", b"content-length", b"upgrade"})


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client asks for."""

    raw_path: bytes
    query: bytes
    headers: RawHeaders
    subprotocols: list[str]
    deployment: str | None
    """Deployment or model of the query."""

    def url(self, backend: Backend, deployment: str | None = None) -> str:
        """Where the same is asked of a backend, which may call the deployment something else."""
        query = _without_keys(self.query) if backend.has_credential else self.query
        if deployment is not None and deployment != self.deployment:
            query = _renamed(query, deployment)
        target = self.raw_path + b"?" + query if query else self.raw_path
        scheme = "wss" if backend.scheme == "https" else "ws"
        # A fragment ends an address, but is part of what a careless client may send.
        path = backend.base_path + target.decode("latin-1").replace("#", "%23")
        return f"{scheme}://{backend.authority}{path}"

    def headers_for(
        self, backend: Backend, credential: tuple[bytes, bytes] | None
    ) -> list[tuple[str, str]]:
        """What is sent to a backend, but for what the connection itself adds."""
        given = request_headers(
            self.headers, backend, credential=credential, length=0, readable_answer=False
        )
        left_out = _MADE_ANEW if credential is None else _MADE_ANEW | _OTHER_CREDENTIALS
        return [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in given
            if name.lower() not in left_out and not name.lower().startswith(_HANDSHAKE)
        ]

    def subprotocols_for(self, backend: Backend) -> list[str]:
        """What is offered to a backend."""
        return without_keys(self.subprotocols) if backend.has_credential else self.subprotocols


def read_handshake(scope: Scope) -> Handshake | None:
    """The handshake of a `websocket` scope; None when its path is no realtime one."""
    query: bytes = scope.get("query_string", b"")
    call = recognise("GET", scope["path"], query.decode("latin-1"))
    if call.operation != "realtime":
        return None
    raw_path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return Handshake(
        raw_path=raw_path if raw_path.startswith(b"/") else b"/" + raw_path,
        query=query,
        headers=list(scope["headers"]),
        subprotocols=list(scope.get("subprotocols", ())),
        deployment=call.deployment or call.model,
    )


def accepted_headers(headers: RawHeaders, backend: Backend) -> RawHeaders:
    """What a client is told of the backend's answer to the handshake."""
    passed = [
        (name, value)
        for name, value in answer_headers(headers, backend, None)
        if name.lower() not in _OF_THE_SERVER and not name.lower().startswith(_HANDSHAKE)
    ]
    return [*passed, (b"x-gatemeter-backend", backend.name.encode("ascii", "replace"))]


def _renamed(query: bytes, deployment: str) -> bytes:
    """The query with another deployment, whichever way it names that; the rest byte for byte."""
    name = quote(deployment, safe="").encode()
    return b"&".join(
        pair.partition(b"=")[0] + b"=" + name if _name(pair) in _DEPLOYMENT else pair
        for pair in query.split(b"&")
    )


def _name(pair: bytes) -> str:
    return unquote_plus(pair.partition(b"=")[0].decode("latin-1")).lower()


def _without_keys(query: bytes) -> bytes:
    return b"&".join(pair for pair in query.split(b"&") if _name(pair) not in KEY_PARAMETERS)
