"""The openai SDK's realtime client, through every policy of the gateway."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from gatemeter.simulator.ledger import QUANTITIES


def azure(url: str, key: str) -> openai.AsyncAzureOpenAI:
    """On the dated path."""
    return openai.AsyncAzureOpenAI(
        azure_endpoint=url,
        websocket_base_url=url.replace("http", "ws") + "/openai",
        api_key=key,
        api_version="2025-04-01-preview",
    )


def release(url: str, key: str) -> openai.AsyncOpenAI:
    """On the path of version 1."""
    return openai.AsyncOpenAI(
        api_key=key, websocket_base_url=url.replace("http", "ws") + "/openai/v1"
    )


async def talk(client: Any) -> list[str]:
    """One turn of text; the kinds of events that came."""
    kinds: list[str] = []
    async with client, client.realtime.connect(model="gpt-realtime") as session:
        await session.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await session.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "hi there"}],
            }
        )
        await session.response.create()
        async for event in session:
            kinds.append(event.type)
            if event.type == "response.done":
                break
    return sorted(set(kinds))


@pytest.mark.parametrize("make", [azure, release])
async def test_a_session_is_as_without_the_gateway(gateway: Any, make: Any) -> None:
    """Same kinds of events; one event with what was billed, by the caller's key."""
    direct = await talk(make(gateway.backend_url, "the-backends-own-key"))
    before = len(gateway.sink.lines)
    through = await talk(make(gateway.url, gateway.key))
    assert through == direct
    events = [
        dict(event) for event in gateway.events_since(before, 1) if event["operation"] == "realtime"
    ]
    (event,) = events
    (billed,) = gateway.ledger.entries(operation="realtime", response_id=event["response_id"])
    assert (event["key_name"], event["product"]) == ("app", "all")
    for name in QUANTITIES:
        assert event.get(name, 0) == getattr(billed.used, name), name


async def test_a_stranger_is_refused(gateway: Any) -> None:
    """Before the session begins, with a status that the client can read."""
    with pytest.raises(Exception, match="401"):
        await talk(release(gateway.url, "gm_wrong"))
