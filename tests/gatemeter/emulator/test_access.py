"""Tokens open what they were made for, and nothing else."""

from __future__ import annotations

import time
from typing import Any

import pytest
from azure.eventhub._pyamqp.utils import generate_sas_token

from gatemeter.emulator import EmulatorSettings, Refusal
from gatemeter.emulator.access import JWT_TYPE, SAS_TYPE, TokenChecker, covers

SETTINGS = EmulatorSettings(key_name="policy name", key="c2VjcmV0")
HUB = "sb://127.0.0.1:5672/usage"


def _token(audience: str = HUB, name: str = "policy name", key: str = "c2VjcmV0",
           expiry: float = 86_400) -> str:  # fmt: skip
    generate: Any = generate_sas_token
    return str(generate(audience, name, key, int(time.time() + expiry)))


def test_the_sdks_own_signature_is_right() -> None:
    """A token of the SDK opens its hub and what lies below."""
    scope = TokenChecker(SETTINGS).scope_of(_token(), SAS_TYPE, f"{HUB}/Partitions/0")
    assert scope == "usage"


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (_token(key="b3RoZXI="), "invalid signature"),
        (_token(name="other"), "no policy"),
        (_token(expiry=-1), "expired"),
        (_token().replace("usage", "other"), "invalid signature"),
        (_token("sb://127.0.0.1:5672/other"), "something else"),
        ("SharedAccessSignature sr=x", "lacks"),
        ("Bearer x", "no SharedAccessSignature"),
        ("", "no SharedAccessSignature"),
    ],
)
def test_other_signatures_are_wrong(token: str, says: str) -> None:
    """Wrong key, name, time or audience, and what is no token at all."""
    with pytest.raises(Refusal, match=says):
        TokenChecker(SETTINGS).scope_of(token, SAS_TYPE, HUB)


def test_entra_tokens_are_let_in_only_when_asked_for() -> None:
    """They cannot be checked here, so it takes a setting."""
    with pytest.raises(Refusal, match="accept_jwt"):
        TokenChecker(SETTINGS).scope_of("a.b.c", JWT_TYPE, HUB)
    open_to_all = TokenChecker(EmulatorSettings(accept_jwt=True))
    assert open_to_all.scope_of("a.b.c", JWT_TYPE, HUB) == "usage"
    with pytest.raises(Refusal):
        open_to_all.scope_of("", JWT_TYPE, HUB)
    with pytest.raises(Refusal, match="not accepted"):
        open_to_all.scope_of("a.b.c", "saml", HUB)


def test_scopes_are_whole_path_segments() -> None:
    """`usage` does not open `usage-2`."""
    assert covers("usage", "Usage/ConsumerGroups/$Default/Partitions/0")
    assert covers("", "anything")
    assert not covers("usage", "usage-2")
    assert not covers("usage/Partitions/0", "usage")
