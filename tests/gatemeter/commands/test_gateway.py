"""The command `gatemeter gateway`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from gatemeter.cli import cli
from gatemeter.commands.gateway import command
from gatemeter.simulator import SimulatorConfig, running
from gateway_hooks.gateway.serving.worker import SETTINGS

GATEMETER = [sys.executable, "-c", "from gatemeter.cli import main; main()", "gateway"]
CHAT = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"


def test_it_serves_writes_events_and_ends_in_order(tmp_path: Path) -> None:
    """Requests pass with the backend's key, events are in the queue, Ctrl-C is a clean end."""
    config = SimulatorConfig(keys=frozenset({"the-backends-key"}))
    with running(config) as simulator:
        backend = f"{simulator.url},key=EAST_KEY,name=east"
        environment = os.environ | {
            "GATEMETER_HOME": str(tmp_path),
            "EAST_KEY": "the-backends-key",
            "GATEMETER_GATEWAY_BACKENDS": backend,
        }
        process = subprocess.Popen(
            [*GATEMETER, "--port", "0"], stderr=subprocess.PIPE, text=True, env=environment
        )
        try:
            assert process.stderr is not None
            url = process.stderr.readline().split()[2].rstrip(",")
            response = httpx.post(
                url + CHAT,
                headers={"api-key": "callers-key"},
                json={"messages": [{"role": "user", "content": "hi"}]},
                timeout=30,
            )
            assert response.status_code == 200
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.communicate()
    queue = list((tmp_path / "queue").glob("*.ndjson*"))
    assert sum(path.read_bytes().count(b'"event_id"') for path in queue) == 1


def test_a_taken_port_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to do."""
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))
    monkeypatch.setenv(SETTINGS, "")  # the command leaves it to its workers; not to other tests
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(command, ["--port", port, "--backend", "https://a"])
    assert result.exit_code == 1
    assert "choose another with --port" in result.output


def test_a_backend_is_needed() -> None:
    """Without one there is nothing to pass requests to."""
    result = CliRunner().invoke(cli, ["gateway"])
    assert result.exit_code == 2
    assert "--backend" in result.output


def test_a_wrong_backend_is_one_line(tmp_path: Path) -> None:
    """The program says which part is wrong and ends with 1."""
    done = subprocess.run(
        [*GATEMETER, "--backend", "https://a,key=NOT_SET_ANYWHERE"],
        capture_output=True,
        text=True,
        env=os.environ | {"GATEMETER_HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("gatemeter: backend https://a: key= names no environment")
    assert done.stderr.count("\n") == 1


def test_two_backends_of_one_name_are_one_line() -> None:
    """The message says how to tell them apart."""
    result = CliRunner().invoke(
        command, ["--check", "--backend", "https://a", "--backend", "https://b,name=a"]
    )
    assert "two backends are called a: tell them apart with name=" in str(result.exception)


def test_the_wait_for_a_backend_can_be_set(tmp_path: Path) -> None:
    """Silence longer than --read-timeout is a failure of the backend."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        backend = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [*GATEMETER, "--port", "0", "--backend", backend, "--read-timeout", "0.2"],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"GATEMETER_HOME": str(tmp_path)},
        )
        try:
            assert process.stderr is not None
            url = process.stderr.readline().split()[2].rstrip(",")
            response = httpx.post(url + CHAT, json={"messages": []}, timeout=30)
            assert response.status_code == 504
        finally:
            process.kill()
            process.communicate()


def test_a_files_times_are_not_given_beside_it(tmp_path: Path) -> None:
    """The message says where they are set."""
    file = tmp_path / "gateway.toml"
    file.write_text("[[backends]]\nname = 'a'\nurl = 'https://a'\n")
    result = CliRunner().invoke(command, ["--config", str(file), "--connect-timeout", "1"])
    assert result.exit_code == 2
    assert "set [timeouts] in" in result.output
