"""Realtime through the gateway: the openai SDK on one side, simulated Azure on the other."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gatemeter.simulator import RunningSimulator
from tests.gateway_hooks.gateway.realtime.talking import CREATE, close_code, frames_until, until

SECOND = base64.b64encode(bytes(48_000)).decode()
StartSimulator = Callable[..., RunningSimulator]
Plain = Callable[..., connect]
TOTALS = ("input_tokens", "audio_input_tokens", "output_tokens", "audio_output_tokens")


@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_the_sdk_works_through_it_and_every_token_is_recorded(
    start_gateway: Any, start_simulator: StartSimulator, release: Any, modality: str
) -> None:
    """Text and sound arrive as deltas; the events say what was billed, response by response."""
    simulator = start_simulator(region="swedencentral")
    gateway = start_gateway(f"{simulator.url},name=voice,type=global")
    deltas: Counter[str] = Counter()
    async with release(gateway.url).realtime.connect(model="gpt-realtime") as session:
        first = await session.recv()
        audio: Any = {"input": {"transcription": {"model": "whisper-1"}}}
        await session.session.update(
            session={"type": "realtime", "output_modalities": [modality], "audio": audio}
        )
        for _ in range(3):
            for _ in range(4):
                await session.input_audio_buffer.append(audio=SECOND)
            await session.input_audio_buffer.commit()
            await session.response.create()
            events = await until(session, "response.done")
            deltas.update(event.type for event in events)
    said = "response.output_text.delta" if modality == "text" else "response.output_audio.delta"
    assert deltas[said]
    assert first.type == "session.created"
    billed = {entry.response_id: entry for entry in simulator.ledger.entries(operation="realtime")}
    events = [event for event in gateway.events if event["operation"] == "realtime"]
    assert len(billed) == len(events) == 3
    for event in events:
        used = billed[event["response_id"]].used
        for name in (*TOTALS, "cached_input_tokens"):
            assert dict(event)[name] == getattr(used, name), name
        assert event["session_id"] == first.session.id
        (attempt,) = event["attempts"]
        assert (attempt["backend"], attempt["region"]) == ("voice", "swedencentral")
    assert events[-1]["cached_input_tokens"] > 0
    heard = [event for event in gateway.events if event["operation"] == "transcription"]
    assert [event["audio_seconds"] for event in heard] == [4.0, 4.0, 4.0]


async def test_azures_client_works_through_it(
    start_gateway: Any, start_simulator: StartSimulator, azure: Any
) -> None:
    """On the dated path, with the preview's and the release's clients."""
    gateway = start_gateway(start_simulator().url)
    client = azure(gateway.url)
    for realtime in (client.beta.realtime, client.realtime):
        async with realtime.connect(model="gpt-realtime") as session:
            await session.response.create()
            await until(session, "response.done")
    assert [event["deployment"] for event in gateway.events] == ["gpt-realtime"] * 2
    assert {event["api_version"] for event in gateway.events} == {"2025-04-01-preview"}


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"additional_headers": {}}, 401),
        ({"path": "/openai/v1/realtime?model=nothing"}, 404),
        ({"additional_headers": {"api-key": "right", "x-simulate": "429-calls"}}, 429),
        ({"path": "/somewhere/else"}, 404),
    ],
)
async def test_a_refused_handshake_keeps_its_status_and_is_one_event(
    start_gateway: Any,
    start_simulator: StartSimulator,
    plain: Plain,
    options: dict[str, Any],
    status: int,
) -> None:
    """The client reads Azure's error, with the time to come back; the event has the attempt."""
    simulator = start_simulator(keys=frozenset({"right"}))
    gateway = start_gateway(simulator.url)
    options.setdefault("additional_headers", {"api-key": "right"})
    with pytest.raises(InvalidStatus) as refused:
        await plain(gateway.url, **options)
    answer = refused.value.response
    assert answer.status_code == status
    assert answer.body
    assert json.loads(answer.body)["error"]["code"]
    assert ("retry-after" in answer.headers) is (status == 429)
    if "else" in options.get("path", ""):
        assert not gateway.events
        return
    (event,) = gateway.events
    assert (event["operation"], event["status_code"]) == ("realtime", status)
    assert event["attempts"][0]["status_code"] == status
    assert event["usage_source"] == "none"
    assert (event.get("throttled_by") == "backend") is (status == 429)


@pytest.mark.parametrize("fault", ["429-calls", "503", "html-502", "reset"])
async def test_a_handshake_fails_over(
    start_gateway: Any, start_simulator: StartSimulator, plain: Plain, fault: str
) -> None:
    """The next backend takes the session; what the first one said is in an event of its own."""
    full = start_simulator(failures={fault: 1.0})
    free = start_simulator()
    gateway = start_gateway(f"{full.url},name=full", f"{free.url},name=free")
    async with plain(gateway.url) as session:
        await session.send(CREATE)
        await frames_until(session, "response.done")
    handshake, response = gateway.events
    assert [attempt["backend"] for attempt in handshake["attempts"]] == ["full", "free"]
    assert handshake["status_code"] == 101
    assert handshake["usage_source"] == "none"
    assert [attempt["backend"] for attempt in response["attempts"]] == ["free"]
    assert not full.ledger.entries()


async def test_when_nobody_can_be_reached_the_client_is_told_so(
    start_gateway: Any, plain: Plain
) -> None:
    """By a 502, after all of them were tried."""
    gateway = start_gateway("http://127.0.0.1:1,name=one", "http://127.0.0.1:2,name=two")
    with pytest.raises(InvalidStatus) as refused:
        await plain(gateway.url)
    assert refused.value.response.status_code == 502
    (event,) = gateway.events
    assert [attempt["backend"] for attempt in event["attempts"]] == ["one", "two"]


async def test_a_backend_that_breaks_off_ends_the_session_and_is_recorded(
    start_gateway: Any, start_simulator: StartSimulator, plain: Plain
) -> None:
    """The client learns of it by a close code; the event has what was said until then."""
    simulator = start_simulator(failures={"cut-stream": 1.0}, answer_tokens=(40, 40), token_ms=1)
    gateway = start_gateway(simulator.url)
    async with plain(gateway.url) as session:
        await session.send(CREATE)
        assert await close_code(session) == 1011
    (event,) = gateway.wait_for_events(1)
    assert event["error_type"] == "UpstreamBroke"
    assert event["usage_source"] == "estimated"
    assert event["output_tokens"] > 0
    assert "client_disconnected" not in event


@pytest.mark.parametrize("how", ["politely", "by dropping the connection"])
async def test_a_client_that_leaves_in_the_middle_is_charged_what_it_has_caused(
    start_gateway: Any, start_simulator: StartSimulator, plain: Plain, how: str
) -> None:
    """Its response is cancelled, so that the backend stops and says what it was."""
    simulator = start_simulator(answer_tokens=(2000, 2000), token_ms=5)
    gateway = start_gateway(simulator.url)
    async with plain(gateway.url) as session:
        await session.send(CREATE)
        await frames_until(session, "response.output_audio.delta")
        if how != "politely":
            session.transport.abort()
    (event,) = gateway.wait_for_events(1)
    (entry,) = simulator.ledger.entries()
    assert event["client_disconnected"]
    assert event["usage_source"] == "reported"
    assert event["output_tokens"] == entry.used.output_tokens < 6000
    assert event["finish_reasons"] == ["client_cancelled"]


async def test_many_sessions_do_not_mix(
    start_gateway: Any, start_simulator: StartSimulator, plain: Plain
) -> None:
    """Fifty at once, each with its own words, each billed once."""
    simulator = start_simulator(token_ms=1)
    gateway = start_gateway(simulator.url)

    async def talk(number: int) -> tuple[str, str]:
        headers = {"api-key": f"key-{number}"}
        async with plain(gateway.url, additional_headers=headers) as session:
            created = await frames_until(session, "session.created")
            await session.send(CREATE)
            done = await frames_until(session, "response.done")
            return created["session"]["id"], done["response"]["id"]

    pairs = await asyncio.gather(*(talk(number) for number in range(50)))
    events = gateway.wait_for_events(50)
    assert {(event["session_id"], event["response_id"]) for event in events} == set(pairs)
    assert len({event["key_id"] for event in events}) == 50
    totals = simulator.ledger.totals()["realtime"]
    for name in TOTALS:
        assert sum(dict(event)[name] for event in events) == totals[name]
