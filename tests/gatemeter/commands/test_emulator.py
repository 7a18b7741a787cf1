"""The command `gatemeter emulator`."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from azure.eventhub import EventData, EventHubProducerClient
from click.testing import CliRunner

from gatemeter.commands.emulator import command

GATEMETER = [sys.executable, "-c", "from gatemeter.cli import main; main()", "emulator"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    """The ready line says how to connect; both signals end it cleanly and messages stay."""
    options = ["--port", "0", "--control-port", "0", "--folder", str(tmp_path), "--json"]
    options += ["--hub", "one", "--hub", "two", "--partitions", "1"]
    process = subprocess.Popen(
        [*GATEMETER, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["connection_string"] == ready["hubs"]["one"]
        with EventHubProducerClient.from_connection_string(ready["hubs"]["two"]) as producer:
            producer.send_batch([EventData(b"x")])
        state = httpx.get(ready["control"]).json()
        assert state["hubs"] == {"one": {"0": 0}, "two": {"0": 1}}
        process.send_signal(number)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert list((tmp_path / "two" / "0").glob("*.log"))
    finally:
        process.kill()
        process.communicate()


def test_a_taken_port_is_one_clear_line() -> None:
    """For the hub's port and for the faults' port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for options in (["--port", port], ["--port", "0", "--control-port", port]):
            result = CliRunner().invoke(command, options)
            assert result.exit_code == 1
            assert "choose another" in result.output
            assert len(result.output.splitlines()) == 1


def test_wrong_settings_are_one_clear_line() -> None:
    """A hub without partitions cannot be."""
    result = CliRunner().invoke(command, ["--port", "0", "--partitions", "0"])
    assert result.exit_code == 1
    assert "partitions" in result.output
