"""Keys among the subprotocols that a browser offers."""

from __future__ import annotations

import pytest

from gateway_hooks.subprotocols import offered_key, without_keys


@pytest.mark.parametrize(
    ("offered", "key"),
    [
        (["realtime", "openai-insecure-api-key.sk-1", "openai-beta.realtime-v1"], "sk-1"),
        (["openai-insecure-api-key."], None),
        (["realtime"], None),
        ([], None),
    ],
)
def test_an_offered_key_is_found_and_taken_out(offered: list[str], key: str | None) -> None:
    """Everything else that is offered stays, in order."""
    assert offered_key(offered) == key
    assert without_keys(offered) == [one for one in offered if "key" not in one]
