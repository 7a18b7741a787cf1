"""A backend that others wrote: aimock, which plays Azure OpenAI for programs in any language.

It writes HTTP otherwise than our simulator does (chunked bodies, capital letters in the names of
headers, ids of another form, none of Azure's headers), so what is only true of ours is found out.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from gateway_hooks import MemorySink
from gateway_hooks.event import validate_line
from tests.gateway_hooks.gateway.clients.calls import HELLO, each, ready
from tests.gateway_hooks.gateway.clients.conftest import FILE, made_keys, whole_gateway
from tests.gateway_hooks.gateway.clients.openai_clients import KINDS, client_of
from tests.servers import missing

SAID = {
    "fixtures": [
        {
            "match": {"userMessage": "hi there"},
            "response": {
                "content": "Hello from somebody else, in several pieces",
                "usage": {"prompt_tokens": 11, "completion_tokens": 9, "total_tokens": 20},
            },
        },
        {
            "match": {"userMessage": "weather"},
            "response": {"toolCalls": [{"name": "weather", "arguments": {"place": "Oslo"}}]},
        },
        {"match": {"inputText": "vector"}, "response": {"embedding": [0.25, -0.5, 0.125]}},
        {
            "match": {"userMessage": "too much"},
            "response": {
                "error": {"message": "slow down", "type": "rate_limit_error", "code": "429"},
                "status": 429,
            },
        },
        {
            "match": {"userMessage": "nonsense"},
            "response": {
                "error": {"message": "what?", "type": "invalid_request_error", "code": "bad"},
                "status": 400,
            },
        },
    ]
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0].__name__)


def _command() -> list[str]:
    program = shutil.which("aimock")
    if program is None:
        missing("aimock", "npm install @copilotkit/aimock, and its bin folder in PATH")
    return [program]


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """It, on a free port; its address."""
    command = _command()
    folder = tmp_path_factory.mktemp("aimock")
    (folder / "said.json").write_text(json.dumps(SAID))
    config = {"llm": {"fixtures": str(folder / "said.json"), "logLevel": "warn"}, "strict": True}
    (folder / "aimock.json").write_text(json.dumps(config))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command += ["--port", str(port), "--config", str(folder / "aimock.json")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _wait_for(port, process, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


@pytest.fixture(scope="module")
def before(aimock: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The gateway before it: address, key, events."""
    home = tmp_path_factory.mktemp("before")
    (key,) = made_keys(home, app="all")
    text = FILE.format(url=aimock, check_answers="off").partition("[content_safety]")[0]
    with whole_gateway(home, text, "a-key") as (url, sink, _):
        yield url, key, sink


def last_event(sink: MemorySink, count: int) -> dict[str, Any]:
    """The one event since there were so many."""
    deadline = time.monotonic() + 15
    while len(sink.lines) <= count:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert len(sink.lines) == count + 1
    return dict(validate_line(sink.lines[-1]))


def tokens(event: dict[str, Any]) -> tuple[Any, ...]:
    """Usage, and where it came from."""
    return event["usage_source"], event.get("input_tokens"), event.get("output_tokens")


@EVERY_KIND
async def test_chat(before: Any, kind: Any) -> None:
    """Whole, streamed with and without usage, and with a tool."""
    url, key, sink = before
    async with client_of(kind, url, key) as client:
        for options in (
            {},
            {"stream": True},
            {"stream": True, "stream_options": {"include_usage": True}},
        ):
            count = len(sink.lines)
            answer = await ready(
                client.chat.completions.create(model="gpt-4o", messages=HELLO, **options)
            )
            if options:
                chunks = [chunk async for chunk in each(answer)]
                text = "".join(
                    chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
                )
                asked = "stream_options" in options
                assert any(chunk.usage is not None for chunk in chunks) is asked
            else:
                text = answer.choices[0].message.content
            assert text == "Hello from somebody else, in several pieces"
            assert tokens(last_event(sink, count)) == ("reported", 11, 9)
        question: Any = [{"role": "user", "content": "weather"}]
        asked_for = await ready(client.chat.completions.create(model="gpt-4o", messages=question))
    (call,) = asked_for.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "weather",
        {"place": "Oslo"},
    )


@EVERY_KIND
async def test_embeddings(before: Any, kind: Any) -> None:
    """The vector arrives; one event."""
    url, key, sink = before
    count = len(sink.lines)
    async with client_of(kind, url, key) as client:
        answer = await ready(
            client.embeddings.create(model="text-embedding-3-small", input="vector")
        )
    assert answer.data[0].embedding == [0.25, -0.5, 0.125]
    assert last_event(sink, count)["operation"] == "embeddings"


@pytest.mark.parametrize("kind", KINDS[2:], ids=lambda kind: kind[0].__name__)
async def test_responses(before: Any, kind: Any) -> None:
    """Whole and streamed; of Azure it plays this only on the path of version 1."""
    url, key, sink = before
    async with client_of(kind, url, key) as client:
        count = len(sink.lines)
        answer = await ready(client.responses.create(model="gpt-4o", input="hi there"))
        assert answer.output_text == "Hello from somebody else, in several pieces"
        assert tokens(last_event(sink, count)) == ("reported", 11, 9)
        count = len(sink.lines)
        stream = await ready(client.responses.create(model="gpt-4o", input="hi there", stream=True))
        kinds = [event.type async for event in each(stream)]
        assert kinds[-1] == "response.completed"
        assert tokens(last_event(sink, count)) == ("reported", 11, 9)
        assert [model.id async for model in each(await ready(client.models.list()))]


@EVERY_KIND
async def test_errors(before: Any, kind: Any) -> None:
    """Its errors are the SDK's, with their codes."""
    url, key, _ = before
    async with client_of(kind, url, key) as client:
        for text, model, expected in (
            ("nonsense", "gpt-4o", openai.BadRequestError),
            ("too much", "gpt-4o-mini", openai.RateLimitError),
        ):
            with pytest.raises(expected) as failed:
                await ready(
                    client.chat.completions.create(
                        model=model, messages=[{"role": "user", "content": text}]
                    )
                )
            assert failed.value.code in {"bad", "429"}
        assert int(failed.value.response.headers["retry-after"]) >= 1
