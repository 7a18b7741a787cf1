"""Who may do what: the tokens that a connection brought, checked as Event Hubs checks them."""

from __future__ import annotations

import hmac
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote_plus, unquote_plus

from gatemeter.emulator.addresses import path_of
from gatemeter.emulator.errors import UNAUTHORIZED, Refusal

if TYPE_CHECKING:
    from gatemeter.emulator.settings import EmulatorSettings

SAS_TYPE: Final = "servicebus.windows.net:sastoken"
JWT_TYPE: Final = "jwt"
_SAS_PREFIX = "SharedAccessSignature "


class TokenChecker:
    """Says what a token opens.

    Args:
        settings: the policy's name and key, and whether Entra tokens are let in.
    """

    def __init__(self, settings: EmulatorSettings) -> None:
        self._key_name = settings.key_name
        self._key = settings.key.encode()
        self._accept_jwt = settings.accept_jwt

    def scope_of(self, token: str, kind: str, audience: str) -> str:
        """The path that a token opens, with everything below it.

        Raises:
            Refusal: it opens nothing.
        """
        if kind == JWT_TYPE:
            if not self._accept_jwt or not token:
                raise Refusal(UNAUTHORIZED, "Entra tokens are not accepted: set accept_jwt")
            return path_of(audience)
        if kind != SAS_TYPE:
            raise Refusal(UNAUTHORIZED, f"tokens of the type {kind!r} are not accepted")
        return self._signed_scope(token, audience)

    def _signed_scope(self, token: str, audience: str) -> str:
        if not token.startswith(_SAS_PREFIX):
            raise Refusal(UNAUTHORIZED, "InvalidSignature: the token is no SharedAccessSignature")
        parts = {name: values[0] for name, values in parse_qs(token[len(_SAS_PREFIX) :]).items()}
        if not {"sr", "sig", "se", "skn"} <= parts.keys() or not parts["se"].isdecimal():
            raise Refusal(UNAUTHORIZED, "InvalidSignature: the token lacks sr, sig, se or skn")
        if unquote_plus(parts["skn"]) != self._key_name:
            raise Refusal(UNAUTHORIZED, "InvalidSignature: there is no policy of that name")
        signed = f"{quote_plus(parts['sr'])}\n{parts['se']}"
        expected = b64encode(hmac.digest(self._key, signed.encode(), "sha256"))
        if not hmac.compare_digest(parts["sig"].encode(), expected):
            raise Refusal(UNAUTHORIZED, "InvalidSignature: The token has an invalid signature.")
        if int(parts["se"]) <= time.time():
            raise Refusal(UNAUTHORIZED, "ExpiredToken: The token is expired.")
        scope = path_of(parts["sr"])
        if not covers(scope, path_of(audience)):
            raise Refusal(UNAUTHORIZED, "InvalidAudience: the token was made for something else")
        return scope


def covers(scope: str, path: str) -> bool:
    """Whether a path is a scope or lies below it; the empty scope is the whole namespace."""
    scope, path = scope.lower(), path.lower()
    return not scope or path == scope or path.startswith(scope + "/")
