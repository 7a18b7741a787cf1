"""The openai SDK, all four clients, through the whole gateway: unchanged, and metered exactly."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway_hooks.gateway.clients.calls import BY_CHANCE, EVERYWHERE, Call
from tests.gateway_hooks.gateway.clients.metered import assert_metered
from tests.gateway_hooks.gateway.clients.openai_clients import KINDS, client_of
from tests.gateway_hooks.gateway.clients.wire import assert_unchanged, since

OF_THE_MOMENT = {"id", "created", "created_at", "completed_at", "call_id", "item_id", "obfuscation"}


def normal(value: Any) -> Any:
    """What two answers to the same question have in common."""
    if isinstance(value, dict):
        return {name: normal(part) for name, part in value.items() if name not in OF_THE_MOMENT}
    if isinstance(value, (list, tuple)):
        return [normal(part) for part in value]
    return value


def shape(value: Any) -> Any:
    """What two answers have in common whose words differ."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape(value[0]), shape(value[-1])] if value else []
    return type(value).__name__


CASES = [("off", kind) for kind in KINDS] + [("window", KINDS[0]), ("window", KINDS[3])]
"""Whether Content Safety looks at answers, and the client."""


@pytest.mark.parametrize("call", EVERYWHERE, ids=lambda call: call.__name__)
@pytest.mark.parametrize(
    ("gateway", "kind"),
    CASES,
    indirect=["gateway"],
    scope="module",
    ids=[f"{checked}-{kind[0].__name__}" for checked, kind in CASES],
)
async def test_the_sdk_works_as_against_the_backend_itself(
    gateway: Any, kind: tuple[Any, Any], call: Call
) -> None:
    """Same result as without the gateway; every byte and header on the wire; usage as billed."""
    async with client_of(kind, gateway.backend_url, "the-backends-own-key") as client:
        direct = await call(client)
    before = len(gateway.sink.lines)
    with since(gateway.outside, gateway.inside) as (outside, inside):
        async with client_of(kind, gateway.url, gateway.key) as client:
            through = await call(client)
    alike = shape if call in BY_CHANCE else normal
    assert alike(through) == alike(direct)
    assert_unchanged(outside, inside)
    assert_metered(gateway, before, outside)
