"""Who is asked, in which order, and what the caller gets when nobody answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gatemeter.simulator import RunningSimulator
from gateway_hooks.gateway import Timeouts

CHAT = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
BODY = {"messages": [{"role": "user", "content": "hi there"}]}
StartSimulator = Callable[..., RunningSimulator]


def chat(url: str, path: str = CHAT, **options: Any) -> httpx.Response:
    """One request."""
    return httpx.post(
        url + path, json=options.pop("body", BODY), headers={"api-key": "k"}, timeout=20, **options
    )


def backends_of(event: Any) -> list[str]:
    """Who was asked, in order."""
    return [attempt["backend"] for attempt in event["attempts"]]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault", ["429-tokens", "429-calls", "429-busy", "429-ptu", "500", "503", "html-502", "reset"]
)
def test_a_refusal_or_failure_is_followed_by_the_next_backend(
    start_gateway: Any, start_simulator: StartSimulator, fault: str, *, stream: bool
) -> None:
    """The caller sees one good answer; the event has both attempts and only one usage."""
    bad = start_simulator(failures={fault: 1.0})
    good = start_simulator()
    gateway = start_gateway(f"{bad.url},name=bad", f"{good.url},name=good")
    response = chat(gateway.url, body=BODY | {"stream": stream})
    assert response.status_code == 200
    (event,) = gateway.events
    assert backends_of(event) == ["bad", "good"]
    first, last = event["attempts"]
    if fault == "reset":
        assert first["error_type"] in {"ReadError", "RemoteProtocolError"}
    else:
        assert first["status_code"] == int(fault.removeprefix("html-")[:3])
    assert last["status_code"] == 200
    assert event["input_tokens"] == 9
    assert "throttled_by" not in event


def test_what_a_429_said_is_in_the_attempt(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """An SRE sees which limit it was and for how long."""
    full = start_simulator(failures={"429-tokens": 1.0})
    free = start_simulator()
    gateway = start_gateway(f"{full.url},name=full", f"{free.url},name=free")
    chat(gateway.url)
    first = gateway.events[0]["attempts"][0]
    assert first["throttle"] == "token_rate"
    assert first["retry_after_ms"] == 7500


def test_a_backend_that_cannot_be_reached_is_passed_over(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """A closed port costs a try; meanwhile it is asked last, and later first again."""
    good = start_simulator()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]},name=dead"
        gateway = start_gateway(dead, f"{good.url},name=good")
        assert [chat(gateway.url).status_code for _ in range(2)] == [200, 200]
        gateway.clock.advance_ms(5000)
        assert chat(gateway.url).status_code == 200
    assert [backends_of(event) for event in gateway.events] == [
        ["dead", "good"],
        ["good"],
        ["dead", "good"],
    ]
    assert gateway.events[0]["attempts"][0]["error_type"] == "ConnectError"


def test_retry_after_is_honoured_for_that_deployment_only(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """A full deployment is left alone for as long as it asked, its neighbours are not."""
    first = start_simulator(deployments=["full=gpt-4o:tpm=0", "free=gpt-4o"])
    second = start_simulator(deployments=["full=gpt-4o", "free=gpt-4o"])
    gateway = start_gateway(f"{first.url},name=a", f"{second.url},name=b")
    full, free = CHAT.replace("gpt-4o", "full"), CHAT.replace("gpt-4o", "free")
    for path in (full, full, free):
        assert chat(gateway.url, path).status_code == 200
    gateway.clock.advance_ms(60_001)
    assert chat(gateway.url, full).status_code == 200
    asked = [backends_of(event) for event in gateway.events]
    assert asked == [["a", "b"], ["b"], ["a"], ["a", "b"]]


def test_on_the_v1_path_the_model_names_the_deployment(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """Cool-downs work the same where the deployment is in the body."""
    first = start_simulator(deployments=["full=gpt-4o:tpm=0", "free=gpt-4o"])
    second = start_simulator(deployments=["full=gpt-4o", "free=gpt-4o"])
    gateway = start_gateway(f"{first.url},name=a", f"{second.url},name=b")
    for model in ("full", "full", "free"):
        chat(gateway.url, "/openai/v1/chat/completions", body=BODY | {"model": model})
    assert [backends_of(event) for event in gateway.events] == [["a", "b"], ["b"], ["a"]]


def test_when_all_are_full_the_caller_gets_the_shortest_wait(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """The best of several 429s is passed on; then nobody is asked until somebody may be."""
    slow = start_simulator(failures={"429-tokens": 1.0})
    quick = start_simulator(failures={"429-calls": 1.0})
    gateway = start_gateway(f"{slow.url},name=slow", f"{quick.url},name=quick")
    first = chat(gateway.url)
    assert first.status_code == 429
    assert "call rate limit" in first.json()["error"]["message"]
    assert first.headers["retry-after-ms"] == "1000"
    gateway.clock.advance_ms(400)
    second = chat(gateway.url)
    assert second.status_code == 429
    assert second.headers["retry-after-ms"] == "600"
    assert second.headers["retry-after"] == "1"
    gateway.clock.advance_ms(600)
    chat(gateway.url)
    asked = [backends_of(event) if "attempts" in event else [] for event in gateway.events]
    assert asked == [["slow", "quick"], [], ["quick"]]
    assert [event["throttled_by"] for event in gateway.events] == ["backend", "gateway", "backend"]


def test_a_429_tells_of_the_backend_that_is_ready_sooner(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """The wait is until any backend is ready, not until the one that was asked is."""
    first = start_simulator(deployments=["gpt-4o=gpt-4o"], failures={"429-calls": 1.0})
    second = start_simulator(deployments=["gpt-4o=gpt-4o"], failures={"429-tokens": 1.0})
    gateway = start_gateway(f"{first.url},name=a", f"{second.url},name=b")
    chat(gateway.url)
    gateway.clock.advance_ms(1000)
    assert chat(gateway.url).headers["retry-after-ms"] == "1000"


def test_a_deployment_that_one_backend_lacks_is_found_at_another(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """Backends need not be copies of each other; what none has is Azure's own 404."""
    first = start_simulator(deployments=["one=gpt-4o"])
    second = start_simulator(deployments=["two=gpt-4o"])
    gateway = start_gateway(f"{first.url},name=a", f"{second.url},name=b")
    for name, status in (("one", 200), ("two", 200), ("two", 200), ("three", 404)):
        assert chat(gateway.url, CHAT.replace("gpt-4o", name)).status_code == status
    asked = [backends_of(event) for event in gateway.events]
    assert asked == [["a"], ["a", "b"], ["b"], ["a", "b"]]
    response = chat(gateway.url, CHAT.replace("gpt-4o", "three"))
    assert response.json()["error"]["code"] == "DeploymentNotFound"


def test_a_revoked_key_of_the_gateway_is_followed_by_the_next_backend(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """The caller did nothing wrong; its own wrong key, passed on, is its own answer."""
    picky = start_simulator(keys=frozenset({"another-key"}))
    good = start_simulator()
    gateway = start_gateway(f"{picky.url},name=a,key=BACKEND_KEY", f"{good.url},name=b")
    assert chat(gateway.url).status_code == 200
    assert backends_of(gateway.events[0]) == ["a", "b"]
    plain = start_gateway(f"{picky.url},name=a", f"{good.url},name=b")
    assert chat(plain.url).status_code == 401
    assert backends_of(plain.events[0]) == ["a"]


def test_when_nobody_can_be_reached_the_refusal_is_the_gateways(start_gateway: Any) -> None:
    """A 502 in Azure's form, recorded with what went wrong."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        gateway = start_gateway(f"http://127.0.0.1:{closed.getsockname()[1]},name=dead")
        response = chat(gateway.url)
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "BackendUnreachable"
    (event,) = gateway.events
    assert event["attempts"][0]["error_type"] == "ConnectError"
    assert "input_tokens" not in event


def test_a_backend_that_never_answers_is_left_after_the_timeout(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """Silence is a failure like any other; alone it is a 504."""
    hanging = start_simulator(failures={"hang": 1.0})
    good = start_simulator()
    timeouts = Timeouts(read=1.0)
    pair = start_gateway(f"{hanging.url},name=a", f"{good.url},name=b", timeouts=timeouts)
    assert chat(pair.url).status_code == 200
    assert pair.events[0]["attempts"][0]["error_type"] == "ReadTimeout"
    alone = start_gateway(f"{hanging.url},name=a", timeouts=timeouts)
    assert chat(alone.url).status_code == 504


def test_a_long_body_goes_to_one_backend_only(
    start_gateway: Any, start_simulator: StartSimulator, start_recorder: Callable[..., Any]
) -> None:
    """What is too long to be kept is passed on as it comes, whole, and cannot fail over."""

    def long() -> Iterator[bytes]:
        yield b'{"messages": [{"role": "user", "content": "'
        for _ in range(5):
            time.sleep(0.05)  # so that it arrives in pieces, as long bodies do
            yield b"word " * 400
        yield b'"}]}'

    def send(url: str) -> httpx.Response:
        headers = {"api-key": "k", "content-type": "application/json"}
        return httpx.post(url + CHAT, content=long(), headers=headers, timeout=20)

    full = start_simulator(failures={"503": 1.0})
    good = start_simulator()
    gateway = start_gateway(f"{full.url},name=a", f"{good.url},name=b", kept_bytes=1000)
    assert send(gateway.url).status_code == 503
    assert chat(gateway.url).status_code == 200
    recorder = start_recorder()
    streaming = start_gateway(recorder.url, kept_bytes=1000)
    assert send(streaming.url).status_code == 200
    assert recorder.seen[0].body == b"".join(long())
    assert recorder.seen[0].headers["transfer-encoding"] == "chunked"
