"""The gateway from outside: real SDKs on one side, simulated Azure on the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI, BadRequestError, OpenAI

from gatemeter.simulator import BLOCKED_PROMPT, RunningSimulator
from gatemeter.simulator.audio import silence

HELLO: list[Any] = [{"role": "user", "content": "hi there"}]
StartSimulator = Callable[..., RunningSimulator]


def azure(url: str, **options: Any) -> AzureOpenAI:
    """The SDK as an Azure user has it."""
    return AzureOpenAI(
        azure_endpoint=url, api_key="callers-key", api_version="2024-10-21", **options
    )


def test_the_sdk_works_through_it_and_every_token_is_recorded(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """Whole and streamed answers arrive as the backend sent them; events say what was billed."""
    simulator = start_simulator(region="westeurope")
    gateway = start_gateway(f"{simulator.url},name=west,type=regional")
    with azure(gateway.url, max_retries=0) as client:
        whole = client.chat.completions.create(model="gpt-4o", messages=HELLO)
        chunks = list(client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))
    assert whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)
    for event, entry in zip(gateway.events, simulator.ledger.entries(), strict=True):
        assert event["input_tokens"] == entry.used.input_tokens
        assert event["output_tokens"] == entry.used.output_tokens
        assert event["usage_source"] == "reported"
        (attempt,) = event["attempts"]
        assert attempt["backend"] == "west"
        assert attempt["region"] == "westeurope"
        assert attempt["deployment"] == "gpt-4o"
        assert attempt["deployment_type"] == "regional"


async def test_the_asynchronous_sdk_works_through_it(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """Concurrent streams do not mix."""
    simulator = start_simulator()
    gateway = start_gateway(simulator.url)

    async with AsyncAzureOpenAI(
        azure_endpoint=gateway.url, api_key="k", api_version="2024-10-21", max_retries=0
    ) as client:
        for _ in range(5):
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=HELLO, stream=True, n=2
            )
            ids = {chunk.id async for chunk in stream}
            assert len(ids - {""}) == 1
    assert len(gateway.events) == 5


def test_uploads_speech_and_embeddings_pass(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """Forms go in, binary comes out, and each is recorded with its own quantity."""
    simulator = start_simulator()
    gateway = start_gateway(simulator.url)
    with azure(gateway.url) as client:
        text = client.audio.transcriptions.create(
            model="whisper", file=("a.wav", silence(2.0)), response_format="json"
        )
        audio = client.audio.speech.create(model="tts-1", voice="alloy", input="hello").read()
        vectors = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    assert text.text
    assert audio.startswith(b"\xff\xfb")
    assert len(vectors.data) == 2
    events = {event["operation"]: event for event in gateway.events}
    assert events["transcription"]["audio_seconds"] == pytest.approx(2.0)
    assert events["speech"]["characters"] == 5
    assert events["embeddings"]["input_tokens"] == 2


def test_a_callers_error_is_passed_on_and_nobody_else_is_asked(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """A content filter 400 is the caller's answer; a second backend would only bill it again."""
    first, second = start_simulator(), start_simulator()
    gateway = start_gateway(f"{first.url},name=a", f"{second.url},name=b")
    with azure(gateway.url) as client, pytest.raises(BadRequestError) as refused:
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": BLOCKED_PROMPT}]
        )
    assert refused.value.code == "content_filter"
    assert second.ledger.entries() == []
    (event,) = gateway.events
    assert event["error_code"] == "content_filter"
    assert event["input_tokens"] == first.ledger.entries()[0].used.input_tokens


def test_stored_responses_are_found_at_the_backend_that_made_them(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """Fetching, continuing and deleting go to the maker, though another backend comes first."""
    first = start_simulator(deployments=["other=gpt-4o"])
    second = start_simulator(deployments=["chat=gpt-4o"])
    gateway = start_gateway(f"{first.url},name=a", f"{second.url},name=b")
    with OpenAI(base_url=f"{gateway.url}/openai/v1", api_key="k", max_retries=0) as client:
        whole = client.responses.create(model="chat", input="hello")
        with client.responses.create(model="chat", input="hello", stream=True) as stream:
            streamed = next(event.response for event in stream if event.type == "response.created")
            list(stream)
        for made in (whole, streamed):
            assert client.responses.retrieve(made.id).id == made.id
            follow = client.responses.create(
                model="chat", input="more", previous_response_id=made.id
            )
            assert follow.previous_response_id == made.id
            client.responses.delete(made.id)
    fetches = [event for event in gateway.events if event["operation"] == "fetch_response"]
    assert len(fetches) == 4
    for event in fetches:
        assert [attempt["backend"] for attempt in event["attempts"]] == ["b"]
        assert event["usage_source"] == "none"


def test_a_gateway_that_forgot_looks_on_every_backend(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """After a restart the map is empty: each backend is asked until one has it."""
    first, second = start_simulator(), start_simulator()
    with OpenAI(base_url=f"{second.url}/openai/v1", api_key="k") as direct:
        made = direct.responses.create(model="gpt-4o", input="hello")
    gateway = start_gateway(f"{first.url},name=a", f"{second.url},name=b")
    with OpenAI(base_url=f"{gateway.url}/openai/v1", api_key="k", max_retries=0) as client:
        assert client.responses.retrieve(made.id).id == made.id
        assert client.responses.retrieve(made.id).id == made.id
        follow = client.responses.create(model="gpt-4o", input="more", previous_response_id=made.id)
        assert follow.previous_response_id == made.id
    asked = [[attempt["backend"] for attempt in event["attempts"]] for event in gateway.events]
    assert asked == [["a", "b"], ["b"], ["b"]]


def test_image_operations_lead_back_to_the_gateway(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """The place to ask for an image is the gateway, and it knows which backend draws it."""
    first = start_simulator(deployments=["chat=gpt-4o"])
    second = start_simulator(deployments=["draw=dall-e-2"])
    gateway = start_gateway(f"{first.url},name=a", f"{second.url},name=b")
    with httpx.Client(headers={"api-key": "k"}) as client:
        submitted = client.post(
            f"{gateway.url}/openai/images/generations:submit",
            params={"api-version": "2023-06-01-preview"},
            json={"prompt": "a cat", "n": 2},
        )
        assert submitted.status_code == 202
        place = submitted.headers["operation-location"]
        assert place.startswith(f"{gateway.url}/openai/operations/images/")
        states = [client.get(place).json()["status"] for _ in range(3)]
    assert states[-1] == "succeeded"
    submit, *polls = gateway.events
    assert (submit["operation"], submit["images"]) == ("image_generation", 2)
    for event in polls:
        assert event["operation"] == "image_operation"
        assert [attempt["backend"] for attempt in event["attempts"]] == ["b"]


def test_health_is_the_gateways_own_and_not_recorded(
    start_gateway: Any, start_recorder: Callable[..., Any]
) -> None:
    """A load balancer asks the gateway, not Azure."""
    backend = start_recorder()
    gateway = start_gateway(backend.url)
    assert httpx.get(f"{gateway.url}/healthz").json() == {"status": "ok"}
    assert httpx.head(f"{gateway.url}/healthz").status_code == 200
    assert backend.seen == []
    assert gateway.events == []


def test_unknown_paths_pass_too(start_gateway: Any, start_recorder: Callable[..., Any]) -> None:
    """What the gateway has never heard of goes through as it is, escapes and all."""
    backend = start_recorder()
    gateway = start_gateway(backend.url + "/prefix/")
    raw = "/openai/some%2Fthing/new:do?a=1&b=%20"
    response = httpx.request("PATCH", gateway.url + raw, content=b"body")
    assert response.status_code == 200
    (seen,) = backend.seen
    assert (seen.method, seen.target, seen.body) == ("PATCH", "/prefix" + raw, b"body")
    (event,) = gateway.events
    assert event["operation"] == "other"
