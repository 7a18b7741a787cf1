"""Pools in a running gateway: overflow, renamed deployments, backends that hang or are gone."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from openai import AzureOpenAI

from gatemeter.simulator import RunningSimulator
from gatemeter.simulator.audio import silence
from gateway_hooks.gateway import Backend, Timeouts
from gateway_hooks.gateway.breaker import BreakerSettings
from gateway_hooks.gateway.pool.pools import Pool, Route
from tests.gateway_hooks.gateway.pool.test_forward import BODY, CHAT, backends_of, chat

StartSimulator = Callable[..., RunningSimulator]
PATIENCE = Timeouts(connect=5, first_byte=0.6, first_byte_of_stream=0.6, request=1.5)


def backend(url: str, name: str) -> Backend:
    """A backend of a pool."""
    return Backend.parse(f"{url},name={name}")


def overflow(first: str, second: str, **renamed: str) -> Pool:
    """Two backends, the second for what the first does not take."""
    return Pool(
        (
            Route(backend(first, "ptu"), 1, deployment=renamed.get("ptu"), deployment_type="ptu"),
            Route(backend(second, "payg"), 2, deployment=renamed.get("payg")),
        )
    )


@pytest.fixture
def hanging() -> Iterator[str]:
    """A backend that takes connections and never says a word."""
    with socket.socket() as listener, contextlib.ExitStack() as kept:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.enter_context(listener.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def test_reserved_capacity_first_then_overflow_and_back(
    start_pools: Any, start_simulator: StartSimulator
) -> None:
    """While PTU says 429 the other serves; when its time is over PTU is asked first again."""
    ptu = start_simulator(deployments=["gpt-4o=gpt-4o:rpm=1,type=ptu"])
    payg = start_simulator()
    gateway = start_pools(overflow(ptu.url, payg.url))
    assert [chat(gateway.url).status_code for _ in range(3)] == [200, 200, 200]
    gateway.clock.advance_ms(60_001)
    assert chat(gateway.url).status_code == 200
    asked = [backends_of(event) for event in gateway.events]
    assert asked == [["ptu"], ["ptu", "payg"], ["payg"], ["ptu", "payg"]]
    assert gateway.events[0]["attempts"][0]["deployment_type"] == "ptu"


def test_one_resource_may_hold_both_the_capacity_and_its_overflow(
    start_pools: Any, start_simulator: StartSimulator
) -> None:
    """A full deployment does not make its neighbour on the same resource rest."""
    simulator = start_simulator(deployments=["reserved=gpt-4o:tpm=0", "paid=gpt-4o"])
    east = backend(simulator.url, "east")
    gateway = start_pools(
        Pool((Route(east, 1, deployment="reserved"), Route(east, 2, deployment="paid")))
    )
    assert [chat(gateway.url).status_code for _ in range(3)] == [200, 200, 200]
    asked = [[one["deployment"] for one in event["attempts"]] for event in gateway.events]
    assert asked == [["reserved", "paid"], ["paid"], ["paid"]]


def test_a_deployment_is_renamed_in_the_path(
    start_pools: Any, start_recorder: Callable[..., Any]
) -> None:
    """The backend sees its own name; body and query stay, and the event keeps what was asked."""
    recorder = start_recorder()
    gateway = start_pools(overflow(recorder.url, recorder.url + "/x", ptu="my ptu/1"))
    raw = b'{ "messages" : [],\n "model":"gpt-4o"}'
    headers = {"content-type": "application/json"}
    httpx.post(gateway.url + CHAT, content=raw, headers=headers)
    (seen,) = recorder.seen
    assert seen.target == CHAT.replace("gpt-4o", "my%20ptu%2F1")
    assert seen.body == raw
    (event,) = gateway.events
    assert event["deployment"] == "gpt-4o"
    assert event["attempts"][0]["deployment"] == "my ptu/1"


def test_a_model_is_renamed_in_a_v1_body(
    start_pools: Any, start_recorder: Callable[..., Any]
) -> None:
    """Each backend of the pool gets its own name in the body, with the right length."""
    first, second = start_recorder(), start_recorder()
    first.status = 503
    gateway = start_pools(overflow(first.url, second.url, ptu="gpt-4o-ptu", payg="g"))
    chat(gateway.url, "/openai/v1/chat/completions", body=BODY | {"model": "gpt-4o"})
    assert [json.loads(one.seen[0].body)["model"] for one in (first, second)] == ["gpt-4o-ptu", "g"]
    assert json.loads(second.seen[0].body)["messages"] == BODY["messages"]
    assert second.seen[0].headers["content-length"] == str(len(second.seen[0].body))
    (event,) = gateway.events
    assert event["request_model"] == "gpt-4o"
    assert [one["deployment"] for one in event["attempts"]] == ["gpt-4o-ptu", "g"]


def test_a_model_is_renamed_in_a_form(start_pools: Any, start_simulator: StartSimulator) -> None:
    """An upload is understood by a backend that calls the model something else."""
    simulator = start_simulator(deployments=["ears=whisper"])
    gateway = start_pools(Pool((Route(backend(simulator.url, "a"), deployment="ears"),)))
    form = {"model": "whisper", "response_format": "json"}
    files = {"file": ("a.wav", silence(1.0))}
    url = f"{gateway.url}/openai/v1/audio/transcriptions"
    answer = httpx.post(url, data=form, files=files, headers={"api-key": "k"})
    assert answer.status_code == 200
    (event,) = gateway.events
    assert event["audio_seconds"] == pytest.approx(1.0)
    assert (event["request_model"], event["attempts"][0]["deployment"]) == ("whisper", "ears")


def test_deployments_have_their_own_pools(
    start_pools: Any, start_simulator: StartSimulator
) -> None:
    """Who is asked depends on what for; what no pool has is Azure's 404, and nobody is asked."""
    chats, sounds = start_simulator(), start_simulator()
    gateway = start_pools(
        Pool((Route(backend(chats.url, "chats")),), ("gpt-*",)),
        Pool((Route(backend(sounds.url, "sounds")),), ("whisper", "tts-*")),
    )
    with AzureOpenAI(azure_endpoint=gateway.url, api_key="k", api_version="2024-10-21") as client:
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
        client.audio.speech.create(model="tts-1", voice="alloy", input="x").read()
    missing = chat(gateway.url, CHAT.replace("gpt-4o", "o4-mini"))
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "DeploymentNotFound"
    assert [backends_of(event) for event in gateway.events[:2]] == [["chats"], ["sounds"]]
    assert "attempts" not in gateway.events[2]


@pytest.mark.parametrize("stream", [False, True])
def test_a_hanging_backend_costs_a_few_requests_some_time_then_none(
    start_pools: Any, start_simulator: StartSimulator, hanging: str, *, stream: bool
) -> None:
    """It is left after `first_byte`; its breaker then keeps it out of everybody's way."""
    good = start_simulator()
    gateway = start_pools(
        overflow(hanging, good.url), timeouts=PATIENCE, breaker=BreakerSettings(failures=2)
    )
    for _ in range(4):
        assert chat(gateway.url, body=BODY | {"stream": stream}).status_code == 200
        gateway.clock.advance_ms(2001)  # it is put last for no longer than that
    asked = [backends_of(event) for event in gateway.events]
    assert asked == [["ptu", "payg"], ["ptu", "payg"], ["payg"], ["payg"]]
    assert gateway.events[0]["attempts"][0]["error_type"] == "ReadTimeout"


def test_a_stream_that_says_only_200_is_left_as_well(
    start_pools: Any, start_simulator: StartSimulator
) -> None:
    """A head without a first byte of the answer is no answer yet."""
    good = start_simulator()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def say_head() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                    b"transfer-encoding: chunked\r\n\r\n"
                )
                connection.recv(1)

        thread = threading.Thread(target=say_head, daemon=True)
        thread.start()
        mute = f"http://127.0.0.1:{listener.getsockname()[1]}"
        gateway = start_pools(overflow(mute, good.url), timeouts=PATIENCE)
        answer = chat(gateway.url, body=BODY | {"stream": True})
        thread.join(10)
    assert answer.status_code == 200
    assert "data: [DONE]" in answer.text
    assert backends_of(gateway.events[0]) == ["ptu", "payg"]


def test_a_full_backend_answers_for_a_broken_one(
    start_pools: Any, start_simulator: StartSimulator, hanging: str
) -> None:
    """With a 429 at hand nobody waits for a backend that is known to hang."""
    full = start_simulator(failures={"429-calls": 1.0})
    gateway = start_pools(
        overflow(full.url, hanging), timeouts=PATIENCE, breaker=BreakerSettings(failures=1)
    )
    assert chat(gateway.url).status_code == 429
    gateway.clock.advance_ms(1000)
    assert chat(gateway.url).status_code == 429
    assert [backends_of(event) for event in gateway.events] == [["ptu", "payg"], ["ptu"]]


def test_when_all_are_broken_the_refusal_is_quick_and_says_when(
    start_pools: Any, hanging: str
) -> None:
    """A 503 with Retry-After, without asking anybody; then one probe, which a failure prolongs."""
    gateway = start_pools(
        overflow(hanging, hanging + "/x"),
        timeouts=PATIENCE,
        breaker=BreakerSettings(failures=1, open_seconds=7),
    )
    assert chat(gateway.url).status_code == 504
    refused = chat(gateway.url)
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "BackendUnavailable"
    assert refused.headers["retry-after"] == "7"
    gateway.clock.advance_ms(7000)
    assert chat(gateway.url).status_code == 504
    assert chat(gateway.url).headers["retry-after"] == "14"
    asked = [backends_of(event) if "attempts" in event else [] for event in gateway.events]
    assert asked == [["ptu", "payg"], [], ["ptu", "payg"], []]


def test_broken_and_full_together_are_a_429_with_the_shortest_wait(
    start_pools: Any, start_simulator: StartSimulator, hanging: str
) -> None:
    """The caller may come back when the first of them may be asked, full or broken."""
    full = start_simulator(failures={"429-tokens": 1.0})
    gateway = start_pools(
        overflow(full.url, hanging),
        timeouts=PATIENCE,
        breaker=BreakerSettings(failures=1, open_seconds=3),
    )
    assert chat(gateway.url).status_code == 429
    again = chat(gateway.url)
    assert (again.status_code, again.headers["retry-after"]) == (429, "3")
    assert "attempts" not in gateway.events[1]


def test_all_attempts_together_have_one_deadline(start_pools: Any, hanging: str) -> None:
    """Three backends that hang do not cost three times the wait."""
    pool = Pool(tuple(Route(backend(f"{hanging}/{n}", str(n)), n) for n in range(1, 5)))
    times = Timeouts(connect=1, first_byte=0.2, request=0.3)
    gateway = start_pools(pool, timeouts=times)
    stop = threading.Event()

    def tick() -> None:
        while not stop.wait(0.01):
            gateway.clock.advance_ms(10)

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        assert chat(gateway.url).status_code == 504
    finally:
        stop.set()
        ticking.join()
    assert 1 < len(gateway.events[0]["attempts"]) < 4


def test_a_caller_that_leaves_in_its_upload_is_no_failure_of_the_backend(
    start_pools: Any, start_recorder: Callable[..., Any]
) -> None:
    """Nobody opens a breaker by hanging up."""
    recorder = start_recorder()
    gateway = start_pools(
        Pool((Route(backend(recorder.url, "a")),)),
        breaker=BreakerSettings(failures=1),
        kept_bytes=1000,
    )
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 2000)
        time.sleep(0.1)
        connection.sendall(b"x" * 2000)
        time.sleep(0.1)
    gateway.wait_for_events(1)
    assert gateway.memory.breakers.failures("a") == 0
    assert chat(gateway.url).status_code == 200
