"""The ASGI side by itself: what other gateways' WebSockets go through."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.asgi_types import App, Message, Receive, Scope, Send
from gateway_hooks.decisions import record_decision, when_recorded
from gateway_hooks.known_caller import CALLER, KnownCaller
from gateway_hooks.meter import Meter
from gateway_hooks.reading.usage import Usage
from gateway_hooks.sink import MemorySink
from tests.gateway_hooks.fakes import recorded

DONE = (
    '{"type":"response.done","response":{"id":"r","status":"completed",'
    '"usage":{"input_tokens":2,"output_tokens":3}}}'
)


class Client:
    """A client that says what it was told to, and a server that notes what it gets."""

    def __init__(self, *frames: str) -> None:
        self.sent: list[Message] = []
        self.stored_at_done = -1
        self._messages: list[Message] = [{"type": "websocket.connect"}]
        self._messages += [{"type": "websocket.receive", "text": frame} for frame in frames]

    async def talk(self, app: App, sink: MemorySink, **scope: Any) -> None:
        """One connection."""

        async def receive() -> Message:
            gone = {"type": "websocket.disconnect", "code": 1000}
            return self._messages.pop(0) if self._messages else gone

        async def send(message: Message) -> None:
            self.sent.append(message)
            if message.get("text") == DONE:
                self.stored_at_done = len(sink.lines)

        usual = {"type": "websocket", "path": "/openai/v1/realtime", "headers": []}
        await app({**usual, "query_string": b"model=m", **scope}, receive, send)


async def answer_one(_: Scope, receive: Receive, send: Send) -> None:
    """A gateway that answers one response, whoever asks."""
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    await send({"type": "websocket.send", "text": DONE})
    await receive()


async def test_the_event_is_stored_before_the_frame_goes_out(
    meter: Meter, sink: MemorySink
) -> None:
    """And has the caller that access control has found."""
    client = Client('{"type":"response.create"}')
    known = KnownCaller("k_1", key_name="name", team="team", product="gold")
    await client.talk(UsageMiddleware(answer_one, meter), sink, **{CALLER: known})
    assert client.stored_at_done == 1
    (event,) = recorded(sink)
    assert (event["key_id"], event["team"], event["product"]) == ("k_1", "team", "gold")
    assert (event["input_tokens"], event["output_tokens"]) == (2, 3)


async def test_policies_inside_are_told_of_each_response(meter: Meter, sink: MemorySink) -> None:
    """As they are of each request, by the same two functions."""
    told: list[Usage] = []

    async def policy(scope: Scope, receive: Receive, send: Send) -> None:
        assert when_recorded(told.append)
        record_decision("limits", "warned", "tokens_per_day")
        await answer_one(scope, receive, send)

    await Client("{}").talk(UsageMiddleware(policy, meter), sink)
    (event,) = recorded(sink)
    assert [usage.output_tokens for usage in told] == [3]
    assert event["decisions"] == [
        {"policy": "limits", "action": "warned", "reason": "tokens_per_day"}
    ]


async def refuse_by_http(_: Scope, __: Receive, send: Send) -> None:
    """A policy's answer where the server can give one."""
    start = {"type": "websocket.http.response.start", "status": 403, "headers": []}
    await send(start)
    body = b'{"error":{"code":"NotAllowed"}}'
    await send({"type": "websocket.http.response.body", "body": body})


async def refuse_by_closing(_: Scope, __: Receive, send: Send) -> None:
    """A policy's answer where it cannot: the server makes a 403 of it."""
    await send({"type": "websocket.close", "code": 1008})


async def fail(_: Scope, __: Receive, ___: Send) -> None:
    """A bug."""
    raise ValueError("a text that nobody shall store")


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (refuse_by_http, {"status_code": 403, "error_code": "NotAllowed"}),
        (refuse_by_closing, {"status_code": 403}),
        (fail, {"status_code": 500, "error_type": "ValueError"}),
    ],
)
async def test_a_handshake_that_comes_to_nothing_is_one_event(
    meter: Meter, sink: MemorySink, app: App, expected: dict[str, object]
) -> None:
    """However the application says so; nothing was used."""
    told: list[Usage] = []

    async def policy(scope: Scope, receive: Receive, send: Send) -> None:
        when_recorded(told.append)
        await app(scope, receive, send)

    try:
        await Client().talk(UsageMiddleware(policy, meter), sink)
    except ValueError:
        assert app is fail
    (event,) = recorded(sink)
    assert expected.items() <= dict(event).items()
    assert (event["operation"], event["usage_source"]) == ("realtime", "none")
    assert told == [Usage("none")]


async def test_a_client_that_leaves_during_the_handshake_is_one_event(
    meter: Meter, sink: MemorySink
) -> None:
    """With the status of a client that did not wait."""

    async def wait(_: Scope, receive: Receive, __: Send) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            pass

    await Client().talk(UsageMiddleware(wait, meter), sink)
    (event,) = recorded(sink)
    assert (event["status_code"], event["client_disconnected"]) == (499, True)


async def test_other_websockets_pass_untouched(meter: Meter, sink: MemorySink) -> None:
    """A chat between people is nobody's usage."""
    client = Client("hello")
    await client.talk(UsageMiddleware(answer_one, meter), sink, path="/chat")
    assert [message["type"] for message in client.sent] == ["websocket.accept", "websocket.send"]
    assert not sink.lines
