"""A caller that wants more than its tokens: whatever it does is counted, or reserved before."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect as connect_websocket

from gatemeter.simulator import RunningSimulator
from tests.gateway_hooks.gateway.conftest import RecordingBackend
from tests.gateway_hooks.gateway.security.conftest import BACKENDS_KEY, CHAT, StartWhole, Whole
from tests.gateway_hooks.gateway.security.raw import connect

LIMIT = "\n[[limits]]\nname = 'each'\nper = ['key']\ntokens_per_minute = {}\n"
REQUESTS = "\n[[limits]]\nname = 'each'\nper = ['key']\nrequests_per_minute = {}\n"
Simulators = Callable[..., RunningSimulator]


def asking(text: str = "hi", **fields: Any) -> dict[str, Any]:
    """A chat."""
    return {"messages": [{"role": "user", "content": text}], **fields}


@pytest.fixture
def simulator(start_simulator: Simulators) -> RunningSimulator:
    """Backends that want their key."""
    return start_simulator(keys=frozenset({BACKENDS_KEY}), token_ms=1.0)


def left(gateway: Whole) -> int:
    """How many tokens the small caller has left."""
    answer = gateway.post(json=asking(max_tokens=1))
    return int(answer.headers["x-ratelimit-remaining-tokens"])


def test_requests_at_once_share_the_limit(start_whole: StartWhole, simulator: Any) -> None:
    """Each reserves what it may use, all its choices, before another is let in."""
    gateway = start_whole(simulator.url, LIMIT.format(1000))
    with ThreadPoolExecutor(16) as pool:
        body = asking(max_tokens=100, n=4)
        statuses = list(pool.map(lambda _: gateway.post(json=body).status_code, range(32)))
    assert statuses.count(429) >= 16
    assert set(statuses) == {200, 429}
    used = sum(
        (event.get("input_tokens") or 0) + (event.get("output_tokens") or 0)
        for event in gateway.wait_for_events(32)
    )
    assert used <= 1000


TOO_MUCH: list[dict[str, Any]] = [
    {"max_tokens": 100_000},
    {"max_completion_tokens": 100_000},
    {"max_tokens": 10**30},
    {"max_tokens": 600, "n": 2},
    {"max_tokens": 10, "n": 10**30},
    {"max_tokens": 1e30},
    {"max_tokens": 5000, "max_completion_tokens": 1},
]


def test_who_asks_for_too_much_gets_nothing(start_whole: StartWhole, simulator: Any) -> None:
    """Refused before a backend works for it."""
    gateway = start_whole(simulator.url, LIMIT.format(1000))
    for fields in TOO_MUCH:
        assert gateway.post(json=asking(**fields)).status_code == 429, fields
    assert gateway.post(json=asking("word " * 2000)).status_code == 429
    assert left(gateway) > 0


def test_a_bound_that_is_none_ends_in_no_error_of_ours(
    start_whole: StartWhole, simulator: Any
) -> None:
    """A strange figure is the backend's to judge; what was used is counted."""
    gateway = start_whole(simulator.url, LIMIT.format(5000))
    bounds: list[object] = [-5, 0, "1", None, 1e308, [], True, {"a": 1}]
    for bound in bounds:
        answer = gateway.post(json=asking(max_tokens=bound, n=bound))
        assert answer.status_code in {200, 400, 429}, bound
    assert left(gateway) < 5000


def test_who_leaves_a_stream_has_used_what_it_saw(start_whole: StartWhole, simulator: Any) -> None:
    """Its prompt and the part of the answer that it took are counted."""
    gateway = start_whole(simulator.url, LIMIT.format(50_000))
    before = left(gateway)
    with gateway.client.stream(
        "POST",
        gateway.url + CHAT,
        headers={"api-key": gateway.made["small"]},
        json=asking("tell a long story " * 200, stream=True),
    ) as stream:
        next(stream.iter_raw(200))
    gateway.wait_for_events(2)
    assert before - left(gateway) > 600


def test_who_leaves_before_the_answer_has_used_its_prompt(
    start_whole: StartWhole, start_simulator: Simulators
) -> None:
    """Else one could have prompts read for nothing, as often as one likes."""
    slow = start_simulator(keys=frozenset({BACKENDS_KEY}), first_token_ms=30_000.0)
    gateway = start_whole(slow.url, LIMIT.format(50_000))
    body = json.dumps(asking("tell a long story " * 200)).encode()
    with connect(gateway.url) as caller:
        caller.sendall(
            b"POST %s HTTP/1.1\r\nhost: g\r\napi-key: %s\r\ncontent-length: %d\r\n\r\n%s"
            % (CHAT.encode(), gateway.made["small"].encode(), len(body), body)
        )
        caller.settimeout(0.5)
        with pytest.raises(TimeoutError):
            caller.recv(1)
    (event,) = gateway.wait_for_events(1)
    assert event["client_disconnected"]
    refused = gateway.post(json=asking(max_tokens=49_999))
    assert refused.status_code == 429
    assert 48_000 < int(refused.headers["x-ratelimit-remaining-tokens"]) < 49_400


def test_every_operation_is_a_request(
    start_whole: StartWhole, start_recorder: Callable[[], RecordingBackend]
) -> None:
    """Also one that the gateway does not know, and one that fails."""
    backend = start_recorder()
    gateway = start_whole(backend.url, REQUESTS.format(4))
    paths = ["/unknown", "/openai/v1/files", "/openai/v1/responses/input_tokens", "/openai/v1/x"]
    sent = [gateway.post(path, key="large", json={"model": "m"}).status_code for path in paths]
    assert sent == [200] * 4
    assert gateway.post("/openai/v1/batches", key="large", json={}).status_code == 429
    assert len(backend.seen) == 4


def test_realtime_tokens_count(start_whole: StartWhole, simulator: Any) -> None:
    """What a session uses is taken from the same tokens as everything else."""
    gateway = start_whole(simulator.url, LIMIT.format(40))
    address = gateway.url.replace("http", "ws", 1) + "/openai/v1/realtime?model=gpt-realtime"
    headers = {"api-key": gateway.made["large"]}
    with connect_websocket(address, additional_headers=headers, open_timeout=20) as session:
        said = {"type": "input_text", "text": "tell a very long story " * 20}
        item = {"type": "message", "role": "user", "content": [said]}
        session.send(json.dumps({"type": "conversation.item.create", "item": item}))
        session.send(json.dumps({"type": "response.create"}))
        while json.loads(session.recv(20))["type"] != "response.done":
            pass
    events = gateway.wait_for_events(1)
    assert events[0]["input_tokens"]
    assert gateway.post(key="large", json=asking()).status_code == 429
    with (
        pytest.raises(Exception, match="429"),
        connect_websocket(address, additional_headers=headers),
    ):
        pass


def test_errors_after_work_are_not_free(
    start_whole: StartWhole, start_recorder: Callable[[], RecordingBackend]
) -> None:
    """A backend that fails and tells usage has used it; the requests count in any case."""
    backend = start_recorder()
    backend.headers = [(b"content-type", b"application/json")]
    backend.body = json.dumps(
        {
            "choices": [],
            "usage": {"prompt_tokens": 900, "completion_tokens": 90, "total_tokens": 990},
        }
    ).encode()
    gateway = start_whole(backend.url, LIMIT.format(1000))
    assert gateway.post(json=asking()).status_code == 200
    assert gateway.post(json=asking(max_tokens=100)).status_code == 429


def test_one_key_does_not_use_anothers(start_whole: StartWhole, simulator: Any) -> None:
    """Whoever is over its limit stays alone with that."""
    gateway = start_whole(simulator.url, REQUESTS.format(1))
    first = [gateway.post(key="small", json=asking()).status_code for _ in range(3)]
    assert first == [200, 429, 429]
    assert gateway.post(key="other", json=asking()).status_code == 200
    spoofed = httpx.Headers({"x-gatemeter-key": "other", "x-forwarded-for": "127.0.0.1"})
    assert gateway.post(key="small", headers=dict(spoofed), json=asking()).status_code == 429
