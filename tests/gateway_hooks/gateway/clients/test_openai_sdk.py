"""The openai SDK, all four clients, through the whole gateway: unchanged, and metered exactly."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from gatemeter.simulator.ledger import QUANTITIES
from tests.gateway_hooks.gateway.clients.calls import BY_CHANCE, EVERYWHERE, Call, entered
from tests.gateway_hooks.gateway.clients.wire import Exchange, assert_same, since

VERSION = "2025-04-01-preview"
OF_THE_MOMENT = {"id", "created", "created_at", "completed_at", "call_id", "item_id", "obfuscation"}


def azure(url: str, key: str) -> dict[str, Any]:
    """What Azure's clients are told."""
    return {"azure_endpoint": url, "api_key": key, "api_version": VERSION}


def release(url: str, key: str) -> dict[str, Any]:
    """What OpenAI's clients are told."""
    return {"base_url": f"{url}/openai/v1", "api_key": key}


KINDS: list[tuple[Any, Any]] = [
    (openai.AzureOpenAI, azure),
    (openai.AsyncAzureOpenAI, azure),
    (openai.OpenAI, release),
    (openai.AsyncOpenAI, release),
]


@contextlib.asynccontextmanager
async def client_of(kind: tuple[Any, Any], url: str, key: str, **more: Any) -> AsyncIterator[Any]:
    """A client that is closed at the end."""
    make, told = kind
    async with entered(make(**told(url, key), **{"max_retries": 0, **more})) as client:
        yield client


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


def assert_metered(gateway: Any, before: int, outside: list[Exchange]) -> None:
    """One event for each request, with exactly the usage that the simulator billed."""
    events = {
        event.get("request_id"): event for event in gateway.events_since(before, len(outside))
    }
    assert len(events) == len(outside) == len(gateway.sink.lines) - before
    for exchange in outside:
        event = dict(events[exchange.request_id])
        assert event["status_code"] == exchange.status
        assert (event["key_name"], event["team"], event["product"]) == ("app", "shop", "all")
        assert "decisions" not in event
        (billed,) = gateway.ledger.entries(request_id=exchange.request_id) or (None,)
        if billed is None:
            assert event["usage_source"] == "none"
            continue
        for name in QUANTITIES:
            assert event.get(name, 0) == pytest.approx(getattr(billed.used, name)), name


@pytest.mark.parametrize("call", EVERYWHERE, ids=lambda call: call.__name__)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0].__name__)
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
    by_id = {exchange.request_id: exchange for exchange in inside}
    for exchange in outside:
        assert_same(exchange, by_id[exchange.request_id])
    assert_metered(gateway, before, outside)
