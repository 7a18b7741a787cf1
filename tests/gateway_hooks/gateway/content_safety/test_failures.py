"""The service does not answer as it should: open or closed, quickly, and nothing leaks."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest

from gatemeter.simulator import RunningSimulator
from tests.gateway_hooks.gateway.content_safety.conftest import StartSafe

CANARY = "secret-canary"
FAULTS = {
    "429-calls": "throttled",
    "500": "server_error",
    "503": "server_error",
    "html-502": "server_error",
    "reset": "unreachable",
    "hang": "timeout",
    "cut-stream": "unreachable",
    "malformed": "bad_answer",
}
Simulator = Callable[..., RunningSimulator]


@pytest.mark.parametrize("on_failure", ["closed", "open"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_service(
    start_safe: StartSafe,
    start_simulator: Simulator,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    on_failure: str,
) -> None:
    """Refused with 503, or passed; the reason is recorded, the text nowhere."""
    service = start_simulator(failures={fault: 1.0})
    with caplog.at_level(logging.DEBUG, "gateway_hooks"):
        gateway = start_safe(
            endpoint=service.url,
            on_failure=on_failure,
            shield_prompt=True,
            timeout_ms=300 if fault == "hang" else 10_000,
        )
        response = gateway.chat(CANARY)
    action = "failed_open" if on_failure == "open" else "denied"
    assert gateway.event["decisions"] == [
        {"policy": "content_safety", "action": action, "reason": FAULTS[fault]}
    ]
    if on_failure == "open":
        assert response.status_code == 200
        assert gateway.event["usage_source"] == "reported"
    else:
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "content_safety_unavailable"
        assert gateway.event["usage_source"] == "none"
        assert not gateway.backend.ledger.entries()
    assert CANARY.encode() not in gateway.recorded
    assert CANARY not in caplog.text
    assert caplog.text.count("content safety cannot be asked") == 1


@pytest.mark.parametrize("mode", ["buffered", "window"])
@pytest.mark.parametrize("on_failure", ["closed", "open"])
@pytest.mark.parametrize("path", ["chat/completions", "/openai/v1/responses"])
def test_a_service_that_fails_while_a_stream_goes_on(
    start_safe: StartSafe, start_simulator: Simulator, mode: str, on_failure: str, path: str
) -> None:
    """Closed: the stream ends with an error and nothing unchecked; open: it goes on."""
    service = start_simulator()
    gateway = start_safe(
        endpoint=service.url, check_answers=mode, on_failure=on_failure, products=()
    )
    body = {"model": "gpt-4o", "input": "hi", "messages": [{"role": "user", "content": "hi"}]}
    whole = gateway.post(path, json=body | {"stream": True}).text
    broken = start_safe(
        endpoint=service.url, check_answers=mode, on_failure=on_failure, categories={"Hate": 6}
    )
    # The prompt is let through by its first question, the answer meets the trouble.
    draws = iter([0.9])
    service.resource.fault_rng.random = lambda: next(draws, 0.0)  # type: ignore[method-assign] # a scripted die
    service.resource.config.failures.update({"503": 0.5})  # type: ignore[attr-defined] # a plain dictionary
    text = broken.post(path, json=body | {"stream": True}).text
    assert broken.event["decisions"][0]["reason"] == "server_error"
    if on_failure == "open":
        assert abs(len(text) - len(whole)) < 300
    else:
        assert "content_safety_unavailable" in text
        assert '"content":"' not in text.replace('"content":""', "")
        assert "output_text.delta" not in text
        assert broken.event["usage_source"] == "reported"


def test_a_wrong_key_is_a_failure(start_safe: StartSafe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing passes unseen because of a mistake in the settings."""
    monkeypatch.setenv("WRONG_KEY", "wrong")
    gateway = start_safe(key_env="WRONG_KEY")
    assert gateway.chat("hi").status_code == 503
    assert gateway.event["decisions"][0]["reason"] == "refused"


def test_an_unknown_block_list_is_a_failure(start_safe: StartSafe) -> None:
    """A misspelled list blocks all or none by setting, and says so."""
    assert start_safe(blocklists=("colors",)).chat("hi").status_code == 503


def test_a_dead_service_does_not_cost_every_request_its_time(
    start_safe: StartSafe, start_simulator: Simulator
) -> None:
    """After some failures in a row it is left alone for a while."""
    service = start_simulator(failures={"hang": 1.0})
    gateway = start_safe(endpoint=service.url, on_failure="open", timeout_ms=200)
    for _ in range(7):
        assert gateway.chat("hi").status_code == 200
    reasons = [event["decisions"][0]["reason"] for event in gateway.events]
    assert reasons == ["timeout"] * 5 + ["resting"] * 2


def test_a_closed_port(start_safe: StartSafe) -> None:
    """It is tried once more and then taken for what it is."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        gateway = start_safe(endpoint=f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert gateway.chat("hi").status_code == 503
    assert gateway.event["decisions"][0]["reason"] == "unreachable"


def test_blocked_wins_over_a_failure(start_safe: StartSafe, start_simulator: Simulator) -> None:
    """One answer that says no is enough, also when the rest could not be asked."""
    service = start_simulator()
    gateway = start_safe(endpoint=service.url, on_failure="open", most_concurrent=1)
    draws = iter([0.9])
    service.resource.fault_rng.random = lambda: next(draws, 0.0)  # type: ignore[method-assign] # a scripted die
    service.resource.config.failures.update({"503": 0.5})  # type: ignore[attr-defined] # a plain dictionary
    response = gateway.chat("simulate-violence-6 " + "a " * 8000)
    assert response.json()["error"]["code"] == "content_filter"


def test_a_connection_that_breaks_once_is_no_failure(
    start_safe: StartSafe, start_simulator: Simulator
) -> None:
    """Servers close kept connections when they like; the question goes out again."""
    service = start_simulator()
    gateway = start_safe(endpoint=service.url)
    assert gateway.chat("hi").status_code == 200
    draws = iter([0.0])
    service.resource.fault_rng.random = lambda: next(draws, 0.9)  # type: ignore[method-assign] # a scripted die
    service.resource.config.failures.update({"reset": 0.5})  # type: ignore[attr-defined] # a plain dictionary
    assert gateway.chat("hi").status_code == 200
    assert next(draws, None) is None
    assert all("decisions" not in event for event in gateway.events)


def test_shape_of_the_refusal(start_safe: StartSafe, start_simulator: Simulator) -> None:
    """SDKs try again after a 503, when they are told to."""
    service = start_simulator(failures={"503": 1.0})
    response: Any = start_safe(endpoint=service.url).chat("hi")
    assert response.headers["retry-after"] == "1"
