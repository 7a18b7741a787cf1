"""Paced streams, and clients that leave them."""

from __future__ import annotations

import json
import time

import httpx

from gatemeter.simulator import Entry, RunningSimulator, SimulatorConfig, running


def test_a_client_that_leaves_is_billed_what_was_generated() -> None:
    """The provider stops, and charges for the tokens until then."""
    config = SimulatorConfig(token_ms=20, answer_tokens=(400, 400))
    body = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    with running(config) as up:
        with httpx.stream(
            "POST",
            f"{up.url}/openai/v1/chat/completions",
            json=body,
            headers={"api-key": "k"},
        ) as response:
            seen = 0
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    choices = json.loads(line[6:])["choices"]
                    seen += bool(choices and choices[0]["delta"].get("content"))
                if seen == 5:
                    break
        entry = _first_entry(up)
    assert not entry.finished
    assert 5 <= entry.used.output_tokens < 400


def _first_entry(up: RunningSimulator) -> Entry:
    """The ledger's first line, which is written when the server has seen the client leave."""
    deadline = time.monotonic() + 10
    while not up.ledger.entries():
        assert time.monotonic() < deadline, "the server never noticed that the client left"
        time.sleep(0.01)
    return up.ledger.entries()[0]
