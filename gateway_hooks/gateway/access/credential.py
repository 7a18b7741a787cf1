"""What a request proves itself with, and the request without it.

A caller may give one secret, in any of the places where Azure OpenAI, API Management and other
gateways look for it, or in several of them alike. Two that differ are nobody: which of them counts
would be anybody's guess, and the guess of a policy further in might be another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from gateway_hooks import subprotocols
from gateway_hooks.fingerprint import KEY_HEADERS, KEY_PARAMETERS
from gateway_hooks.gateway.pool.wire_headers import without_keys
from gateway_hooks.subprotocols import offered_key

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Scope

LONGEST: Final = 16_384
"""Longer texts are no key and no token; they are not even hashed."""
_KEY_HEADERS: Final = frozenset(name.encode() for name in KEY_HEADERS)
_AUTHORIZATION: Final = b"authorization"
_PLACES: Final = _KEY_HEADERS | {_AUTHORIZATION}
_BEARER: Final = "bearer "
_SUBPROTOCOLS: Final = b"sec-websocket-protocol"
_LENGTHS: Final = frozenset(map(len, _PLACES))
_TOKEN_DOTS: Final = 2


@dataclass(frozen=True, slots=True)
class Credential:
    """What was found."""

    text: str = ""
    """The secret; empty when there is none that can be looked up."""
    is_token: bool = False
    """A JWT that came as a bearer token."""
    problem: str | None = None
    """Why there is nothing to look up: a reason code."""


_NONE: Final = Credential(problem="no_credential")
_CONTRADICTING: Final = Credential(problem="contradicting_credentials")
_TOO_LONG: Final = Credential(problem="too_long")


def credential_of(scope: Scope) -> Credential:
    """The one secret that a request gives."""
    found: set[str] = set()
    bearer = offered_key(scope.get("subprotocols") or ())
    for name, value in scope["headers"]:
        if len(name) not in _LENGTHS or (place := name.lower()) not in _PLACES:
            continue
        text = value.decode("latin-1").strip()
        if place == _AUTHORIZATION and f"{text} "[:7].lower() == _BEARER:
            text = bearer = text[7:].strip()
        found.add(text)
    query: bytes = scope.get("query_string", b"")
    if b"key=" in query.lower() or b"%" in query:
        found.update(_in_query(query))
    if bearer is not None:
        found.add(bearer)
    found.discard("")
    if len(found) != 1:
        return _CONTRADICTING if found else _NONE
    text = found.pop()
    if len(text) > LONGEST:
        return _TOO_LONG
    return Credential(text, text == bearer and text.count(".") == _TOKEN_DOTS)


def without_credentials(scope: Scope) -> Scope:
    """The request as policies further in and backends see it: nothing to steal in it."""
    headers = [
        pair
        for pair in scope["headers"]
        if len(pair[0]) not in _LENGTHS or pair[0].lower() not in _PLACES
    ]
    changed = {**scope, "headers": headers}
    if scope["type"] == "websocket":
        rest = subprotocols.without_keys(scope.get("subprotocols") or ())
        changed["subprotocols"] = rest
        changed["headers"] = [pair for pair in headers if pair[0].lower() != _SUBPROTOCOLS]
        if rest:
            changed["headers"].append((_SUBPROTOCOLS, ", ".join(rest).encode("latin-1")))
    query: bytes = scope.get("query_string", b"")
    if query:
        changed["query_string"] = without_keys(query)
    return changed


def _in_query(query: bytes) -> list[str]:
    return [
        value.strip()
        for name, value in parse_qsl(query.decode("latin-1"))
        if name.strip().lower() in KEY_PARAMETERS and value.strip()
    ]
