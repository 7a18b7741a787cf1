"""Who called, without keeping what proves it: keyed fingerprints instead of keys.

A key becomes `k_` and 16 hex digits of HMAC-SHA256 under the operator's salt: gateways that share
the salt agree on it, nobody without the salt can test a guess, and it leads nowhere back. A
caller with an Entra ID token is told apart by the token's claim (`oid`, else `appid`, `azp`,
`sub`), as the token itself changes every hour. The claim is read, not verified: refusing a bad
token is the gateway's work, and its refusal is what the event then records.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.event import AuthType

KEY_HEADERS = ("api-key", "ocp-apim-subscription-key", "x-api-key")
"""Azure OpenAI's header, API Management's, and the one of several other gateways."""

KEY_PARAMETERS = frozenset({"api-key", "subscription-key"})
_CLAIMS = ("oid", "appid", "azp", "sub")
_TOKEN_PARTS = 3
_HEX_DIGITS = 16
_MAX_CACHED = 4096

T = TypeVar("T")


class Caller(NamedTuple):
    """How a request proved itself, and the fingerprint of that."""

    auth_type: AuthType
    key_id: str | None = None


ANONYMOUS = Caller("none")


class Fingerprinter:
    """Makes fingerprints under one salt; safe in many threads."""

    def __init__(self, salt: bytes) -> None:
        self._keyed = hmac.new(salt, digestmod="sha256")
        # By Python's own keyed hash of a text and not by the text: a memory dump of the gateway
        # must not hold keys on our account.
        self._known: dict[int, str] = {}
        self._callers: dict[int, Caller] = {}

    def key_id(self, key: str) -> str:
        """The fingerprint of a key or of an identity's claim."""
        return "k_" + self._digest(key)

    def end_user(self, user: str) -> str:
        """The fingerprint of a request's user field, which is often a name or an address."""
        return "u_" + self._digest("end_user\0" + user)

    def caller(self, headers: Mapping[str, str], query: str = "") -> Caller:
        """Who sent a request with these headers (names in lower case).

        A key in `api-key` counts the same as the same key in `Authorization: Bearer`.
        """
        for name in KEY_HEADERS:
            key = headers.get(name, "").strip()
            if key:
                return Caller("api_key", self.key_id(key))
        authorization = headers.get("authorization")
        if authorization:
            return self._authorized(authorization)
        if "-key=" in query.lower():
            return self._by_query(query)
        return ANONYMOUS

    def _by_query(self, query: str) -> Caller:
        for name, value in parse_qsl(query):
            if name.lower() in KEY_PARAMETERS:
                return Caller("api_key", self.key_id(value.strip()))
        return ANONYMOUS

    def _authorized(self, authorization: str) -> Caller:
        known = self._callers.get(hash(authorization))
        if known is None:
            scheme, _, credential = authorization.strip().partition(" ")
            key = credential.strip() if scheme.lower() == "bearer" else authorization.strip()
            if not key:
                return ANONYMOUS
            claim = _claim(key)
            known = (
                Caller("entra", self.key_id(claim))
                if claim is not None
                else Caller("api_key", self.key_id(key))
            )
            _remember(self._callers, hash(authorization), known)
        return known

    def _digest(self, value: str) -> str:
        digest = self._known.get(hash(value))
        if digest is None:
            keyed = self._keyed.copy()
            keyed.update(value.encode("utf-8", "surrogatepass"))
            digest = keyed.hexdigest()[:_HEX_DIGITS]
            _remember(self._known, hash(value), digest)
        return digest


def _remember(cache: dict[int, T], key: int, value: T) -> None:
    if len(cache) >= _MAX_CACHED:
        cache.clear()
    cache[key] = value


def _claim(token: str) -> str | None:
    """The identity a JWT names; None when it is no JWT or names none."""
    if token.count(".") != _TOKEN_PARTS - 1:
        return None
    payload = token.split(".")[1]
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(claims, dict):
        return None
    for name in _CLAIMS:
        value = claims.get(name)
        if isinstance(value, str) and value:
            return value
    return None
