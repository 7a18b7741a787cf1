"""The access log: a line of JSON a request, without what was said and without keys."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import httpx

from gatemeter.simulator import RunningSimulator
from gateway_hooks.gateway.access_log import AccessLog
from tests.gateway_hooks.gateway.pool.test_forward import CHAT


def test_each_request_is_a_line_without_content_or_keys(
    start_gateway: Any, start_simulator: Callable[..., RunningSimulator]
) -> None:
    """Whatever the caller puts where, a line is one line of JSON and repeats none of it."""
    full = start_simulator(failures={"429-calls": 1.0})
    good = start_simulator(deployments=["gpt-4o=gpt-4o"])
    gateway = start_gateway(f"{full.url},name=full,key=BACKEND_KEY", f"{good.url},name=good")
    out = io.BytesIO()
    gateway.meter.when_event(AccessLog(out).write)
    body = {"messages": [{"role": "user", "content": "PRIVATE words"}], "user": "PRIVATE-user"}
    headers = {"api-key": "SECRET-key", "authorization": "Bearer SECRET-token"}
    for stream in (False, True):
        answer = httpx.post(gateway.url + CHAT, json=body | {"stream": stream}, headers=headers)
        assert answer.status_code == 200
    split = CHAT.replace("gpt-4o", "a%0Ab%22%7D")
    httpx.post(gateway.url + split, json=body, headers=headers)
    gateway.wait_for_events(3)
    text = out.getvalue()
    for word in (b"PRIVATE", b"SECRET", b"the-backends-own-key"):
        assert word not in text
    lines = [json.loads(line) for line in text.decode().splitlines()]
    assert [line["status_code"] for line in lines] == [200, 200, 404]
    assert lines[0]["backends"] == ["full", "good"]
    assert [line["event_id"] for line in lines] == [event["event_id"] for event in gateway.events]
    assert lines[1]["stream"] is True
    assert text.count(b"\n") == 3


def test_a_log_that_cannot_be_written_costs_nothing(
    start_gateway: Any, start_simulator: Callable[..., RunningSimulator]
) -> None:
    """Callers get their answers, and the meter counts the error."""
    simulator = start_simulator()
    gateway = start_gateway(simulator.url)
    closed = io.BytesIO()
    closed.close()
    gateway.meter.when_event(AccessLog(closed).write)
    body = {"messages": [{"role": "user", "content": "hi"}]}
    assert httpx.post(gateway.url + CHAT, json=body, headers={"api-key": "k"}).status_code == 200
    assert len(gateway.events) == 1
    assert sum(gateway.meter.counters.errors.values()) == 1
