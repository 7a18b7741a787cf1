"""Who and what the demo is made of."""

from __future__ import annotations

import pytest

from gatemeter.demo.cast import BACKENDS, CALLERS, MODELS
from gateway_hooks.fingerprint import Fingerprinter


def test_an_entra_caller_is_recognised_as_one() -> None:
    """Its token is read like a real one, by its claim."""
    (caller,) = [caller for caller in CALLERS if caller.identity]
    prints = Fingerprinter(b"a salt that is long enough")
    seen = prints.caller({"authorization": f"Bearer {caller.bearer_token}"})
    assert seen.auth_type == "entra"
    assert seen.key_id == prints.key_id(caller.fingerprinted)


def test_no_key_is_in_a_representation() -> None:
    """Not even an invented one."""
    for caller in CALLERS:
        assert caller.key is None or caller.key not in repr(caller)


@pytest.mark.parametrize("name", MODELS)
def test_every_deployment_is_somewhere_without_limits_or_in_two_places(name: str) -> None:
    """So that throttling of one backend is something the gateway can help with."""
    holders = [one for backend in BACKENDS for one in backend.deployments if one.name == name]
    free = [
        one for one in holders if one.tokens_per_minute is None and one.requests_per_minute is None
    ]
    assert free or len(holders) > 1
    assert {one.model for one in holders} == {MODELS[name]}
