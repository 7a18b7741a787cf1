"""Starting and stopping the gateway's server."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gatemeter.simulator import RunningSimulator
from gateway_hooks import MemorySink, Meter
from gateway_hooks.gateway import Backend, UpstreamBroke, build_gateway
from gateway_hooks.gateway.serving.listening import listen
from gateway_hooks.gateway.serving.server import server_for
from gateway_hooks.settings import HookSettings


def test_a_taken_port_is_an_error_at_once() -> None:
    """Nothing starts on a port that somebody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            listen("127.0.0.1", taken.getsockname()[1])


def test_running_requests_end_before_the_server_does(
    tmp_path: Path, start_simulator: Callable[..., RunningSimulator]
) -> None:
    """Told to stop in the middle of a stream, the gateway finishes it, and has recorded it."""
    simulator = start_simulator(token_ms=10.0, answer_tokens=(60, 60))
    sink = MemorySink()
    meter = Meter(HookSettings.load(home=tmp_path), sink)
    server = server_for(build_gateway([Backend.parse(simulator.url)], meter=meter))
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    with httpx.stream(
        "POST",
        f"{url}/openai/v1/chat/completions",
        json={"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "x"}]},
        headers={"api-key": "k"},
        timeout=20,
    ) as response:
        lines = response.iter_lines()
        assert next(lines).startswith("data: ")
        server.should_exit = True
        rest = list(lines)
    thread.join(20)
    assert not thread.is_alive()
    assert "data: [DONE]" in rest
    assert len(sink.lines) == 1
    meter.close()
    listener.close()


def test_a_broken_answer_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Without a traceback, because it is no bug; a bug keeps its traceback."""
    server_for(build_gateway_stub)
    log = logging.getLogger("uvicorn.error")
    for error in (UpstreamBroke("east: ReadError"), ValueError("a bug")):
        try:
            raise error
        except (UpstreamBroke, ValueError):
            log.exception("Exception in ASGI application")
    broke, bug = caplog.records
    assert broke.getMessage() == "answer broke off: east: ReadError"
    assert broke.exc_info is None
    assert bug.exc_info is not None


async def build_gateway_stub(scope: object, receive: object, send: object) -> None:
    """An application that is never called."""
