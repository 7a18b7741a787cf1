"""Metrics tell what the events tell, and stay few whatever callers send."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from prometheus_client.parser import text_string_to_metric_families

from gatemeter.simulator import RunningSimulator
from gateway_hooks.event import UsageEvent
from gateway_hooks.gateway.metrics import Metrics
from tests.gateway_hooks.gateway.pool.test_forward import BODY, CHAT, chat

ROOT = Path(__file__).parents[3]


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels."""
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text.decode())
        for one in family.samples
    }


def total(metrics: Metrics, name: str, **labels: str) -> float:
    """Sum of the samples of a name that have these labels."""
    return sum(
        value
        for (called, has), value in samples(metrics.text()).items()
        if called == name and labels.items() <= dict(has).items()
    )


def event(deployment: str = "gpt-4o", status: int = 200, **fields: Any) -> UsageEvent:
    """An event of a chat request."""
    attempts = [{"backend": "east", "status_code": status, "offset_ms": 1.0, "duration_ms": 2.0}]
    made: dict[str, Any] = {
        "operation": "chat", "deployment": deployment, "status_code": status,
        "duration_ms": 250.0, "attempts": attempts,
    }  # fmt: skip
    made.update(fields)
    return cast("UsageEvent", made)


def test_metrics_agree_with_the_events_of_a_run(
    start_gateway: Any, start_simulator: Callable[..., RunningSimulator]
) -> None:
    """Requests, tokens, attempts and first tokens are those that were recorded."""
    full = start_simulator(failures={"429-calls": 1.0})
    good = start_simulator()
    gateway = start_gateway(f"{full.url},name=full", f"{good.url},name=good")
    metrics = Metrics()
    gateway.meter.when_event(metrics.count)
    for stream in (False, True, True):
        assert chat(gateway.url, body=BODY | {"stream": stream}).status_code == 200
    chat(gateway.url, CHAT.replace("gpt-4o", "made-up"))
    events = gateway.wait_for_events(4)
    call = {"gen_ai_operation_name": "chat", "gen_ai_request_model": "gpt-4o"}
    duration = "gen_ai_server_request_duration_seconds"
    assert total(metrics, f"{duration}_count", http_response_status_code="200", **call) == 3
    assert total(metrics, f"{duration}_count") == 4
    for kind in ("input", "output"):
        name = "gen_ai_client_token_usage_sum"
        assert total(metrics, name, gen_ai_token_type=kind, **call) == sum(
            one.get(f"{kind}_tokens", 0) or 0 for one in events
        )
    assert total(metrics, "gen_ai_server_time_to_first_token_seconds_count", **call) == 2
    for backend in ("full", "good"):
        assert total(metrics, "gatemeter_backend_attempts_total", backend=backend) == sum(
            attempt["backend"] == backend for one in events for attempt in one["attempts"]
        )
    assert total(metrics, "gatemeter_overhead_seconds_count") == sum(
        "gateway_overhead_ms" in one for one in events
    )


def test_callers_cannot_make_up_labels() -> None:
    """A name becomes a label when a backend has answered to it, and only so many of them do."""
    metrics = Metrics()
    for number in range(600):
        metrics.count(event(f"scan-{number}", 404))
    assert total(metrics, "gen_ai_server_request_duration_seconds_count") == 600
    name = "gen_ai_server_request_duration_seconds_count"
    assert total(metrics, name, gen_ai_request_model="other") == 600
    for number in range(600):
        metrics.count(event(f"real-{number}"))
    models = {
        dict(labels)["gen_ai_request_model"]
        for called, labels in samples(metrics.text())
        if called == name
    }
    assert len(models) == 501
    assert total(metrics, name) == 1200


def test_decisions_are_counted_by_what_was_decided() -> None:
    """Denials show by policy, action and reason."""
    metrics = Metrics()
    denied = {"policy": "budgets", "action": "denied", "reason": "search"}
    metrics.count(event(decisions=[denied, {"policy": "limits", "action": "warned"}]))
    name = "gatemeter_decisions_total"
    assert total(metrics, name, **denied) == 1
    assert total(metrics, name, policy="limits", reason="") == 1


def test_worker_processes_add_up(tmp_path: Path) -> None:
    """Whichever worker is asked, it answers for all of them, also for one that has ended."""
    program = (
        "import json, sys\n"
        "from gateway_hooks.gateway.metrics import Metrics\n"
        "metrics = Metrics()\n"
        "for _ in range(int(sys.argv[1])):\n"
        "    metrics.count(json.loads(sys.argv[2]))\n"
        "sys.stdout.buffer.write(metrics.text())\n"
    )
    text = '{"operation": "chat", "status_code": 200, "duration_ms": 5, "input_tokens": 7}'
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    told = [
        subprocess.run(
            [sys.executable, "-c", program, count, text],
            env=environment, cwd=ROOT, check=True, capture_output=True,
        ).stdout
        for count in ("2", "3")
    ]  # fmt: skip
    sums = [
        sum(
            value
            for (name, _), value in samples(one).items()
            if name == "gen_ai_client_token_usage_sum"
        )
        for one in told
    ]
    assert sums == [14, 35]
