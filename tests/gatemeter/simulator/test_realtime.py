"""Realtime sessions of the simulator, by the openai SDK and by plain WebSockets."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gatemeter.simulator import RunningSimulator, SimulatorConfig, running
from gatemeter.simulator.config import Deployment

SECOND = base64.b64encode(bytes(48_000)).decode()
PATH = "/openai/v1/realtime?model=gpt-realtime"


def release(url: str) -> AsyncOpenAI:
    """OpenAI's client."""
    websockets_url = url.replace("http", "ws") + "/openai/v1"
    return AsyncOpenAI(api_key="k", websocket_base_url=websockets_url)


async def until(session: Any, kind: str) -> list[Any]:
    """The events up to and including the first of a kind."""
    events = []
    async for event in session:
        events.append(event)
        if event.type == kind:
            return events
    raise AssertionError(f"no {kind}")


def frames(url: str, **options: Any) -> connect:
    """A WebSocket without an SDK."""
    options.setdefault("additional_headers", {"api-key": "k"})
    path = options.pop("path", PATH)
    return connect(url.replace("http", "ws") + path, compression=None, **options)


async def test_the_sdk_talks_and_the_ledger_has_what_was_reported(
    simulator: RunningSimulator,
) -> None:
    """Sound and text go in, sound with a transcript comes out, and every token is billed."""
    client = release(simulator.url)
    async with client.realtime.connect(model="gpt-realtime") as session:
        assert (await session.recv()).type == "session.created"
        heard: Any = {"transcription": {"model": "gpt-4o-transcribe"}}
        await session.session.update(session={"type": "realtime", "audio": {"input": heard}})
        await session.input_audio_buffer.append(audio=SECOND)
        await session.input_audio_buffer.commit()
        events = await until(session, "conversation.item.input_audio_transcription.completed")
        assert {"session.updated", "conversation.item.added", "conversation.item.done"} <= {
            event.type for event in events
        }
        assert events[-1].usage.input_tokens == 10
        await session.response.create()
        events = await until(session, "response.done")
        await until(session, "rate_limits.updated")
    said = [e.delta for e in events if e.type == "response.output_audio_transcript.delta"]
    assert any(e.type == "response.output_audio.delta" for e in events)
    usage = events[-1].response.usage
    assert usage.input_token_details.audio_tokens == 10
    assert usage.output_token_details.text_tokens == len(said)
    (entry,) = simulator.ledger.entries(response_id=events[-1].response.id)
    assert entry.operation == "realtime"
    assert entry.used.input_tokens == usage.input_tokens
    assert entry.used.output_tokens == usage.output_tokens
    assert entry.used.audio_output_tokens == usage.output_token_details.audio_tokens


async def test_azures_client_and_the_preview_speak_the_older_dialect(
    simulator: RunningSimulator,
) -> None:
    """The dated path has the names that clients of the preview wait for."""
    client = AsyncAzureOpenAI(
        api_key="k",
        api_version="2025-04-01-preview",
        azure_endpoint=simulator.url,
        websocket_base_url=simulator.url.replace("http", "ws") + "/openai",
    )
    async with client.beta.realtime.connect(model="gpt-realtime") as session:
        assert (await session.recv()).type == "session.created"
        await session.session.update(session={"modalities": ["text"]})
        item: Any = {"type": "message", "role": "user", "content": []}
        await session.conversation.item.create(item=item)
        await session.response.create()
        kinds = [event.type for event in await until(session, "response.done")]
    assert "conversation.item.created" in kinds
    assert "response.text.delta" in kinds


async def test_what_was_there_before_is_cached(simulator: RunningSimulator) -> None:
    """The second response says which of its input the first has seen, by kind."""
    async with release(simulator.url).realtime.connect(model="gpt-realtime") as session:
        for _ in range(2):
            await session.input_audio_buffer.append(audio=SECOND)
            await session.input_audio_buffer.append(audio=SECOND)
            await session.input_audio_buffer.commit()
            await session.response.create()
            done = (await until(session, "response.done"))[-1]
    usage = done.response.usage
    assert usage.input_token_details.cached_tokens_details.audio_tokens == 16
    (entry,) = simulator.ledger.entries(response_id=done.response.id)
    assert entry.used.audio_input_tokens == usage.input_token_details.audio_tokens - 16


async def test_the_same_frames_get_the_same_words() -> None:
    """A session says the same again when it is asked the same again."""
    said = []
    with running() as simulator:
        for _ in range(2):
            async with frames(simulator.url) as session:
                await session.send('{"type":"response.create"}')
                words = []
                async for text in session:
                    frame = json.loads(text)
                    words.append(frame.get("delta"))
                    if frame["type"] == "response.done":
                        break
                said.append(words)
    assert said[0] == said[1]


async def test_a_response_can_be_cancelled() -> None:
    """What was said until then is reported and billed."""
    config = SimulatorConfig(token_ms=20, answer_tokens=(1000, 1000))
    with running(config) as simulator:
        async with release(simulator.url).realtime.connect(model="gpt-realtime") as session:
            await session.response.create()
            await until(session, "response.output_audio.delta")
            await session.response.cancel()
            done = (await until(session, "response.done"))[-1].response
        (entry,) = simulator.ledger.entries()
    assert done.status == "cancelled"
    assert done.status_details.reason == "client_cancelled"
    assert 0 < done.usage.output_tokens < 3000
    assert entry.used.output_tokens == done.usage.output_tokens


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty"),
        ({"type": "input_audio_buffer.append", "audio": "no base64!"}, "invalid_value"),
        ({"type": "response.cancel"}, "response_cancel_not_active"),
        ({"type": "session.update"}, "missing_required_parameter"),
        ({"type": "magic"}, "invalid_value"),
        ([], "invalid_json"),
    ],
)
async def test_a_wrong_frame_is_an_error_and_the_session_goes_on(
    simulator: RunningSimulator, frame: object, code: str
) -> None:
    """The error names the frame that it is about, if that had a name."""
    if isinstance(frame, dict):
        frame = {**frame, "event_id": "mine"}
    async with frames(simulator.url) as session:
        await session.recv()
        await session.send(json.dumps(frame))
        found = json.loads(await session.recv())
        assert found["type"] == "error"
        assert found["error"]["code"] == code
        assert found["error"]["event_id"] == ("mine" if isinstance(frame, dict) else None)
        await session.send('{"type":"input_audio_buffer.clear"}')
        assert json.loads(await session.recv())["type"] == "input_audio_buffer.cleared"


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"additional_headers": {}}, 401),
        ({"additional_headers": {"api-key": "wrong"}}, 401),
        ({"path": "/openai/v1/realtime?model=nothing"}, 404),
        ({"path": "/openai/realtime?deployment=gpt-realtime"}, 404),
        ({"additional_headers": {"api-key": "right", "x-simulate": "429-calls"}}, 429),
        ({"additional_headers": {"api-key": "right", "x-simulate": "503"}}, 503),
    ],
)
async def test_a_handshake_is_refused_as_azure_does(options: dict[str, Any], status: int) -> None:
    """With the status, the body and the headers of any other request."""
    with running(SimulatorConfig(keys=frozenset({"right"}))) as simulator:
        options.setdefault("additional_headers", {"api-key": "right"})
        with pytest.raises(InvalidStatus) as refused:
            await frames(simulator.url, **options)
    answer = refused.value.response
    assert answer.status_code == status
    assert answer.headers["apim-request-id"]
    assert answer.body
    assert json.loads(answer.body)["error"]["code"]
    assert ("retry-after" in answer.headers) is (status == 429)


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {"Authorization": "Bearer right"}},
        {"path": PATH + "&api-key=right", "additional_headers": {}},
        {"subprotocols": ["realtime", "openai-insecure-api-key.right"], "additional_headers": {}},
    ],
)
async def test_a_key_may_come_in_several_ways(options: dict[str, Any]) -> None:
    """As a bearer token, in the query, and as a browser has to send it."""
    with running(SimulatorConfig(keys=frozenset({"right"}))) as simulator:
        async with frames(simulator.url, **options) as session:
            assert json.loads(await session.recv())["type"] == "session.created"
            assert session.subprotocol == ("realtime" if "subprotocols" in options else None)


async def test_a_full_deployment_fails_the_response() -> None:
    """Inside of a session the rate limit is a failed response, and nothing is billed."""
    deployment = Deployment("gpt-realtime", "gpt-realtime", tokens_per_minute=1)
    with running(SimulatorConfig(deployments=(deployment,))) as simulator:
        async with release(simulator.url).realtime.connect(model="gpt-realtime") as session:
            await session.response.create()
            done = (await until(session, "response.done"))[-1].response
        (entry,) = simulator.ledger.entries()
    assert done.status_details.error.code == "rate_limit_exceeded"
    assert (entry.status_code, entry.used.output_tokens) == (429, 0)
