"""A caller can be told apart, and nothing leads back to its key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks import fingerprint
from gateway_hooks.fingerprint import ANONYMOUS, Caller, Fingerprinter

SALT = b"a salt for tests only"
KEY = "sk-0123456789abcdef"


def jwt(**claims: object) -> str:
    """A token as Entra ID makes it, unsigned."""
    parts = [json.dumps({"alg": "RS256"}), json.dumps(claims), "signature"]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


@pytest.fixture
def fingerprints() -> Fingerprinter:
    """A fingerprinter under the tests' salt."""
    return Fingerprinter(SALT)


def test_a_key_id_is_a_keyed_hash(fingerprints: Fingerprinter) -> None:
    """The documented construction, so that another tool with the salt can make the same."""
    expected = hmac.new(SALT, KEY.encode(), hashlib.sha256).hexdigest()[:16]
    assert fingerprints.key_id(KEY) == f"k_{expected}"
    assert Fingerprinter(b"another salt for tests").key_id(KEY) != f"k_{expected}"


@pytest.mark.parametrize(
    "headers",
    [
        {"api-key": KEY},
        {"api-key": f" {KEY} "},
        {"ocp-apim-subscription-key": KEY},
        {"x-api-key": KEY},
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer   {KEY}"},
    ],
)
def test_one_key_is_one_caller_in_every_header(
    fingerprints: Fingerprinter, headers: dict[str, str]
) -> None:
    """The same key counts as the same caller, however it is sent."""
    assert fingerprints.caller(headers) == Caller("api_key", fingerprints.key_id(KEY))


@pytest.mark.parametrize("parameter", ["subscription-key", "api-key", "Subscription-Key"])
def test_a_key_in_the_query_counts_too(fingerprints: Fingerprinter, parameter: str) -> None:
    """API Management takes keys as parameters; such callers are no strangers."""
    query = f"api-version=2024-10-21&{parameter}={KEY}"
    assert fingerprints.caller({}, query) == Caller("api_key", fingerprints.key_id(KEY))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"api-key": ""},
        {"api-key": "  "},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer  "},
    ],
)
def test_no_key_is_nobody(fingerprints: Fingerprinter, headers: dict[str, str]) -> None:
    """Without proof of any kind the caller is anonymous, not an empty key."""
    assert fingerprints.caller(headers, "api-version=1") == ANONYMOUS


@pytest.mark.parametrize(
    ("claims", "claim"),
    [
        ({"oid": "object", "appid": "application", "sub": "subject"}, "object"),
        ({"appid": "application", "sub": "subject"}, "application"),
        ({"azp": "party", "sub": "subject"}, "party"),
        ({"sub": "subject"}, "subject"),
        ({"oid": 7, "sub": "subject"}, "subject"),
    ],
)
def test_a_token_is_its_identity(
    fingerprints: Fingerprinter, claims: dict[str, object], claim: str
) -> None:
    """Tokens change every hour; the identity in them stays one caller."""
    first = fingerprints.caller({"authorization": f"Bearer {jwt(**claims, iat=1)}"})
    second = fingerprints.caller({"authorization": f"Bearer {jwt(**claims, iat=2)}"})
    assert first == second == Caller("entra", fingerprints.key_id(claim))
    assert fingerprints.caller({"authorization": f"Bearer {jwt(**claims, iat=2)}"}) is second


@pytest.mark.parametrize(
    "token", ["a.b.c", "..", jwt(), jwt(oid=""), "x." + base64.b64encode(b"[1]").decode() + ".y"]
)
def test_what_only_looks_like_a_token_is_a_key(fingerprints: Fingerprinter, token: str) -> None:
    """Three parts without an identity in them are a key like any other."""
    assert fingerprints.caller({"authorization": f"Bearer {token}"}) == Caller(
        "api_key", fingerprints.key_id(token)
    )


def test_users_and_keys_have_different_fingerprints(fingerprints: Fingerprinter) -> None:
    """A user named like a key is not that key."""
    assert fingerprints.end_user(KEY)[2:] != fingerprints.key_id(KEY)[2:]
    assert re.fullmatch(r"u_[0-9a-f]{16}", fingerprints.end_user("someone"))


def test_the_cache_is_bounded_and_holds_no_token(
    fingerprints: Fingerprinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens that change all day do not fill the gateway's memory, nor can they be read in it."""
    monkeypatch.setattr(fingerprint, "_MAX_CACHED", 10)
    for number in range(35):
        fingerprints.caller({"authorization": f"Bearer {jwt(oid=str(number))}"})
        fingerprints.end_user(f"user {number}")
    assert len(fingerprints._callers) <= 10
    assert len(fingerprints._known) <= 10
    assert all(type(key) is int for key in (*fingerprints._callers, *fingerprints._known))


@given(value=st.text(), query=st.text())
def test_anything_in_a_header_gives_a_caller(value: str, query: str) -> None:
    """No header can make the fingerprinter fail, and the caller is always of the event's shape."""
    caller = Fingerprinter(SALT).caller({"authorization": value}, f"{query}&api-key={value}")
    assert caller.key_id is None or re.fullmatch(r"k_[0-9a-f]{16}", caller.key_id)
