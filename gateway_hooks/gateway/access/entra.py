"""Access tokens of Entra ID: checked here, so that a token is worth no more than it proves.

Only signatures of the RS and ES families count, by keys that the issuer of the settings publishes;
what a token says about where its keys are is never read. A token that was found good is remembered
by its hash for a few minutes and no longer than it lasts: checking costs about 0.1 ms.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.clock import NANOSECONDS_PER_SECOND, SystemClock
from gateway_hooks.known_caller import KnownCaller
from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jwt import PyJWK

    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.access.settings import EntraRule
    from gateway_hooks.gateway.access.signing_keys import SigningKeys

ALGORITHMS: Final = {
    "RSA": ("RS256", "RS384", "RS512"),
    "EC": ("ES256", "ES384", "ES512"),
}
"""What a key may sign by: from its own kind, so that no token talks us into another."""
LEEWAY_SECONDS: Final = 60
"""How far the issuer's clock may be from ours."""
_REMEMBERED_NS: Final = 300 * NANOSECONDS_PER_SECOND
_KEPT: Final = 10_000
_IDENTITY: Final = ("oid", "appid", "azp", "sub")


class TokenRefused(Exception):
    """A token that lets nobody in. `reason` is a code for the event."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SigningKeysUnavailable(Exception):
    """No key of the issuer is known yet, so nothing can be said of its tokens."""


@dataclass(frozen=True, slots=True)
class _Seen:
    caller: KnownCaller
    until_wall_ns: int


class EntraTokens:
    """Tells who a token's bearer is, by rules of the settings."""

    def __init__(
        self,
        rules: Sequence[EntraRule],
        keys: Mapping[str, SigningKeys],
        fingerprint: Callable[[str], str],
        clock: Clock | None = None,
    ) -> None:
        """By rules; made anew when settings change, so nothing outlives its rule.

        Args:
            rules: in order; the first that fits a token counts.
            keys: signing keys by the rule's `configuration_url`.
            fingerprint: `Fingerprinter.key_id` under the gateway's salt.
            clock: the system's unless a test has another.
        """
        self._rules = tuple(rules)
        self._keys = {
            issuer: keys[rule.configuration_url] for rule in rules for issuer in rule.issuers
        }
        self._fingerprint = fingerprint
        self._clock: Clock = clock or SystemClock()
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()

    def remembered(self, token: str) -> KnownCaller | None:
        """The bearer of a token that was found good a short time ago."""
        seen = self._seen.get(_hash(token))
        if seen is None or self._clock.wall_ns() >= seen.until_wall_ns:
            return None
        return seen.caller

    async def check(self, token: str) -> KnownCaller:
        """The bearer of a token; checked completely.

        Raises:
            TokenRefused: it lets nobody in.
            SigningKeysUnavailable: it cannot be checked yet.
        """
        issuer, kid = _named(token)
        keys = self._keys.get(issuer)
        if keys is None:
            raise TokenRefused("token_issuer")
        key = await keys.find(kid)
        if key is None:
            if not keys.are_known:
                raise SigningKeysUnavailable
            raise TokenRefused("token_unknown_key")
        claims = _verified(token, key)
        ends_ns = self._in_its_time(claims)
        rule = self._fitting(claims, issuer)
        caller = self._caller(claims, rule)
        now = self._clock.wall_ns()
        self._seen[_hash(token)] = _Seen(caller, min(ends_ns, now + _REMEMBERED_NS))
        if len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
        return caller

    def _in_its_time(self, claims: dict[str, Any]) -> int:
        """Wall time at which it ends, leeway included."""
        now, leeway = self._clock.wall_ns(), LEEWAY_SECONDS * NANOSECONDS_PER_SECOND
        ends_ns = _moment_ns(claims.get("exp")) + leeway
        if now >= ends_ns:
            raise TokenRefused("token_expired")
        if "nbf" in claims and now < _moment_ns(claims["nbf"]) - leeway:
            raise TokenRefused("token_not_yet_valid")
        return ends_ns

    def _fitting(self, claims: dict[str, Any], issuer: str) -> EntraRule:
        heard = _texts(claims.get("aud"))
        mine = [rule for rule in self._rules if issuer in rule.issuers]
        meant = [rule for rule in mine if heard & set(rule.audiences)]
        if not meant:
            raise TokenRefused("token_audience")
        roles, scopes = _texts(claims.get("roles")), _words(claims.get("scp"))
        for rule in meant:
            if roles.issuperset(rule.roles) and scopes.issuperset(rule.scopes):
                return rule
        raise TokenRefused("token_role")

    def _caller(self, claims: dict[str, Any], rule: EntraRule) -> KnownCaller:
        identity = next((claims[name] for name in _IDENTITY if _is_text(claims.get(name))), None)
        if identity is None:
            raise TokenRefused("token_without_identity")
        named = claims.get(rule.team_claim) if rule.team_claim else None
        return KnownCaller(
            self._fingerprint(identity),
            "entra",
            team=wire.name(named) or rule.team,
            product=rule.product,
        )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _named(token: str) -> tuple[str, str]:
    """Issuer and key id as the token says them, unproven: good for looking up and nothing else."""
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.exceptions.PyJWTError, ValueError, RecursionError):
        raise TokenRefused("token_unreadable") from None
    if header.get("alg") not in ALGORITHMS["RSA"] + ALGORITHMS["EC"]:
        raise TokenRefused("token_algorithm")
    issuer, kid = claims.get("iss"), header.get("kid")
    if not isinstance(issuer, str) or not isinstance(kid, str) or "crit" in header:
        raise TokenRefused("token_unreadable")
    return issuer, kid


def _verified(token: str, key: PyJWK) -> dict[str, Any]:
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=list(ALGORITHMS[key.key_type or ""]),
            # Times, issuer and audience are checked by our rules and our clock.
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
                "require": ["exp", "iss", "aud"],
            },
        )
    except jwt.exceptions.MissingRequiredClaimError:
        raise TokenRefused("token_unreadable") from None
    except (jwt.exceptions.PyJWTError, ValueError, TypeError, KeyError):
        raise TokenRefused("token_signature") from None
    return claims


def _moment_ns(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TokenRefused("token_unreadable")
    if not math.isfinite(value) or not 0 <= value < 1 << 40:
        raise TokenRefused("token_unreadable")
    return int(value * NANOSECONDS_PER_SECOND)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _texts(value: object) -> set[str]:
    if isinstance(value, str):
        return {value}
    return {one for one in value if isinstance(one, str)} if isinstance(value, list) else set()


def _words(value: object) -> set[str]:
    return set(value.split()) if isinstance(value, str) else set()
