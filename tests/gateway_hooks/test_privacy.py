"""No prompt, completion, key, token or file ever leaves the gateway process, on any path.

Each request carries marks where content and secrets are. Whatever happens to it, no mark may be in
an event line, in a log record or in a counter.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.asgi_types import App, Message, Receive, Scope, Send
from gateway_hooks.attempts import record_attempt
from gateway_hooks.litellm_call import LoggedCall, estimated_usage, needs_estimate
from gateway_hooks.litellm_event import compose
from gateway_hooks.meter import Meter
from gateway_hooks.sink import MemorySink
from gateway_hooks.transport import metered_transport
from tests.gateway_hooks.fakes import (
    DONE_FRAME,
    QUERY,
    STREAM_HEADERS,
    Connection,
    Reply,
    ScriptedApp,
    chat_answer,
    chunk,
    frame,
    http_scope,
    recorded,
)

MARK = "canary"
"""In every content and secret below."""


def mark(kind: str) -> str:
    """A text that may be found nowhere."""
    return f"{MARK}-{kind}-5f2a"


def jwt() -> str:
    """A token whose claims are marked too."""
    parts = [{"alg": "none"}, {"oid": mark("oid"), "upn": mark("upn")}]
    head, claims = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )
    return f"{head}.{claims}.{mark('signature')}"


CREDENTIALS = [
    {"api-key": mark("key")},
    {"authorization": f"Bearer {mark('bearer')}"},
    {"authorization": f"Bearer {jwt()}"},
    {"authorization": f"Basic {mark('basic')}"},
    {"ocp-apim-subscription-key": mark("subscription"), "cookie": mark("cookie")},
]

PROMPT = [{"role": "user", "content": mark("prompt"), "name": mark("name")}]
CHAT_BODY = {
    "model": "gpt-4o",
    "messages": PROMPT,
    "user": mark("user"),
    "tools": [{"type": "function", "function": {"name": mark("tool"), "parameters": {}}}],
    "metadata": {"note": mark("metadata")},
}
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="'
    + mark("filename").encode()
    + b'.wav"\r\ncontent-type: audio/wav\r\n\r\n'
    + mark("filecontent").encode()
    + b'\r\n--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\n'
    + mark("formprompt").encode()
    + b"\r\n--b--\r\n"
)
DEPLOYMENT = "/openai/deployments/gpt-4o"
REQUESTS: dict[str, tuple[str, bytes, str]] = {
    "chat": (f"{DEPLOYMENT}/chat/completions", json.dumps(CHAT_BODY).encode(), "application/json"),
    "stream": (
        f"{DEPLOYMENT}/chat/completions",
        json.dumps({**CHAT_BODY, "stream": True}).encode(),
        "application/json",
    ),
    "malformed": (
        f"{DEPLOYMENT}/chat/completions",
        json.dumps(CHAT_BODY).encode()[:-7],
        "application/json",
    ),
    "embeddings": (
        f"{DEPLOYMENT}/embeddings",
        json.dumps({"input": [mark("input")]}).encode(),
        "application/json",
    ),
    "responses": (
        "/openai/v1/responses",
        json.dumps({"model": "gpt-4o", "input": mark("input")}).encode(),
        "application/json",
    ),
    "image": (
        f"{DEPLOYMENT}/images/generations",
        json.dumps({"prompt": mark("imageprompt"), "n": 1}).encode(),
        "application/json",
    ),
    "speech": (
        f"{DEPLOYMENT}/audio/speech",
        json.dumps({"input": mark("speech"), "voice": "alloy"}).encode(),
        "application/json",
    ),
    "audio": (f"{DEPLOYMENT}/audio/transcriptions", FORM, "multipart/form-data; boundary=b"),
    "other": ("/upload", mark("upload").encode(), "text/plain"),
}

ERROR = {
    "error": {
        "message": mark("errormessage"),
        "type": f"a sentence with {mark('errortype')} in it",
        "code": f"a sentence with {mark('errorcode')} in it",
        "param": mark("param"),
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "violence": {"filtered": True, "severity": "high", "details": mark("filtered")},
                "custom_blocklists": [{"filtered": True, "id": mark("blocklist")}],
            },
        },
    }
}
FRAMES = [
    frame(chunk(mark("completion"))),
    frame(chunk(choices=[], prompt_filter_results=[{"citation": mark("citation")}])),
    frame({"error": ERROR["error"]}),
    DONE_FRAME,
]
REPLIES: dict[str, Callable[[], Reply]] = {
    "answer": lambda: Reply(chunks=[chat_answer(mark("completion"))]),
    "answer without usage": lambda: Reply(chunks=[chat_answer(mark("completion"), usage=None)]),
    "stream": lambda: Reply(headers=dict(STREAM_HEADERS), chunks=FRAMES, announce_length=False),
    "refused": lambda: Reply(status=400, chunks=[json.dumps(ERROR).encode()]),
    "throttled": lambda: Reply(status=429, chunks=[json.dumps(ERROR).encode()]),
    "text": lambda: Reply(headers={"content-type": "text/plain"}, chunks=[mark("text").encode()]),
    "broken": lambda: Reply(chunks=[chat_answer(mark("completion"))[:-9]]),
    "lying": lambda: Reply(
        headers={"content-type": "application/json", "content-encoding": "gzip"},
        chunks=[mark("notgzip").encode()],
    ),
}


@pytest.fixture(autouse=True)
def _no_mark_anywhere(
    meter: Meter, sink: MemorySink, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """What every test of this file asserts, at its end."""
    caplog.set_level(logging.DEBUG)
    yield
    meter.close()
    for line in sink.lines:
        assert MARK.encode() not in line.lower(), line
    for record in caplog.records:
        if record.name.startswith("gateway_hooks"):
            shown = f"{record.getMessage()} {record.exc_info} {record.__dict__}"
            assert MARK not in shown.lower()
    assert MARK not in repr(meter.counters).lower()


async def passed(app: App, meter: Meter, name: str, credentials: dict[str, str]) -> Connection:
    """Send one of the requests through the middleware."""
    path, body, content_type = REQUESTS[name]
    headers = {"content-type": content_type, **credentials}
    connection = Connection(body)
    scope = http_scope(path, query=f"{QUERY}&subscription-key={mark('query')}", headers=headers)
    await UsageMiddleware(app, meter)(scope, connection.receive, connection.send)
    return connection


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("request_name", REQUESTS)
async def test_through_the_middleware(
    meter: Meter, sink: MemorySink, request_name: str, reply: str
) -> None:
    """Every request with every answer, usable or not."""
    for credentials in CREDENTIALS[:2]:
        connection = await passed(ScriptedApp(REPLIES[reply]()), meter, request_name, credentials)
        assert connection.sent
    assert len(recorded(sink)) == 2


@pytest.mark.parametrize("credentials", CREDENTIALS, ids="-".join)
async def test_credentials(meter: Meter, sink: MemorySink, credentials: dict[str, str]) -> None:
    """Whatever proves the caller stays in the process; the caller is still told apart."""
    await passed(ScriptedApp(), meter, "chat", credentials)
    (event,) = recorded(sink)
    assert event["key_id"].startswith("k_")
    assert event["end_user"].startswith("u_")


class LeakyError(Exception):
    """An exception whose text quotes what was being sent."""


def quoting(*arguments: object, **_: object) -> None:
    """Fail as bad code does."""
    raise LeakyError(repr(arguments))


async def test_exceptions(meter: Meter, sink: MemorySink) -> None:
    """Of a gateway's exceptions the class is kept, never the text or the cause's."""

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        message = await receive()
        try:
            with record_attempt("a.example"):
                quoting(message["body"].decode())
        except LeakyError as error:
            raise ValueError(f"while sending {message['body']!r}") from error

    with pytest.raises(ValueError, match=MARK):
        await passed(app, meter, "chat", CREDENTIALS[0])
    (event,) = recorded(sink)
    assert event["error_type"] == "ValueError"
    assert event["attempts"][0]["error_type"] == "LeakyError"


async def test_errors_of_the_hook_itself(
    meter: Meter, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors that quote what was being read are logged without their text."""
    for name in (
        "exchange.read_request",
        "exchange.answer_reader",
        "asgi_request.ask_for_usage",
        "estimating.estimate.estimate_usage",
        "exchange.derived_usage",
    ):
        monkeypatch.setattr(f"gateway_hooks.{name}", quoting)
    await passed(ScriptedApp(), meter, "stream", CREDENTIALS[0])
    assert len(recorded(sink)) == 1
    assert meter.counters.errors


async def test_a_client_that_leaves(meter: Meter, sink: MemorySink) -> None:
    """What was generated for nobody is counted and forgotten."""

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        start: Message = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": FRAMES[0], "more_body": True})
        raise OSError(mark("broken pipe"))

    with pytest.raises(OSError, match=MARK):
        await passed(app, meter, "stream", CREDENTIALS[0])
    (event,) = recorded(sink)
    assert event["output_tokens"] > 0


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("request_name", REQUESTS)
def test_through_the_transport(
    meter: Meter, sink: MemorySink, request_name: str, reply: str
) -> None:
    """The same requests and answers through an HTTP client."""
    path, body, content_type = REQUESTS[request_name]
    given = REPLIES[reply]()

    def handle(request: httpx.Request) -> httpx.Response:
        if reply == "broken":
            raise httpx.ReadError(f"{mark('read')} {request.content!r}")
        return httpx.Response(given.status, headers=given.headers, stream=Pieces(given.chunks))

    transport = metered_transport(httpx.MockTransport(handle), meter=meter)
    headers = {"content-type": content_type, "api-key": mark("key")}
    client = httpx.Client(transport=transport, base_url="https://a.example")
    # The caller has its own errors, as without a meter.
    with client, contextlib.suppress(httpx.ReadError, httpx.DecodingError):
        client.post(f"{path}?{QUERY}", content=body, headers=headers)
    assert len(recorded(sink)) == 1


class Pieces(httpx.SyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces


def test_through_litellm(meter: Meter, sink: MemorySink) -> None:
    """LiteLLM's payload holds the whole conversation, errors quote it; none of it is taken."""
    payload: dict[str, Any] = {
        "id": "chatcmpl-1",
        "litellm_call_id": "call-1",
        "call_type": "acompletion",
        "startTime": 1.8e9,
        "endTime": 1.8e9 + 1,
        "model": "gpt-4o",
        "custom_llm_provider": "azure",
        "api_base": f"https://{mark('user')}:{mark('password')}@a.example/openai?key={mark('key')}",
        "messages": PROMPT,
        "response": json.loads(chat_answer(mark("completion"))),
        "error_str": mark("errorstr"),
        "error_information": {
            "error_code": mark("sentence with spaces"),
            "error_class": "APIError",
            "error_message": mark("message"),
            "traceback": mark("traceback"),
        },
        "model_parameters": {"user": mark("user")},
        "end_user": mark("enduser"),
        "requester_ip_address": mark("address"),
        "metadata": {"user_api_key_hash": mark("hash"), "requester_metadata": {"x": mark("meta")}},
        "hidden_params": {"additional_headers": {"llm_provider-set-cookie": mark("cookie")}},
    }
    arguments = {
        "input": mark("input"),
        "exception": LeakyError(mark("exception")),
        "litellm_params": {"api_key": mark("key")},
    }
    for status in ("success", "failure"):
        logged = LoggedCall({**payload, "status": status}, arguments)
        event = compose(logged, meter)
        assert needs_estimate(logged) is (status == "success")
        if needs_estimate(logged):
            assert estimated_usage(logged).source == "estimated"
        meter.record(event)
    first, second = recorded(sink)
    assert (first["status_code"], second["status_code"]) == (200, 500)
    assert first["attempts"][0]["backend"] == "a.example"
