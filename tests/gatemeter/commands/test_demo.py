"""The command `gatemeter demo`, from the outside."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from gatemeter.commands.demo import command
from gateway_hooks.event_id import EventIds
from gateway_hooks.queue.file_queue import FileQueue

GATEMETER = [sys.executable, "-c", "from gatemeter.cli import main; main()"]
PLAIN = ["demo", "--no-dashboard", "--json"]
MOST_SECONDS = 150


@contextmanager
def demo(*options: str) -> Iterator[subprocess.Popen[str]]:
    """A demo that is over at the latest when the block ends."""
    process = subprocess.Popen(
        [*GATEMETER, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.timeout(300)
def test_clients_and_store_agree_and_the_folder_serves_other_commands(tmp_path: Path) -> None:
    """One JSON object, exit code 0, and a home that every command can be pointed at."""
    home = tmp_path / "demo"
    with demo(*PLAIN, "--seconds", "6", "--seed", "7", "--keep", str(home)) as process:
        out, err = process.communicate(timeout=MOST_SECONDS)
    assert process.returncode == 0, err
    result = json.loads(out)
    assert result["agree"] is True
    assert result["requests_sent"] == result["events_stored"] > 30
    assert result["client_input_tokens"] == result["stored_input_tokens"] > 0
    assert result["client_output_tokens"] == result["stored_output_tokens"] > 0
    assert (result["duplicates"], result["dead_letters"]) == (0, 0)
    assert float(result["spend_usd"]) > 0
    operations = result["by_operation"]
    assert operations["chat"]["requests"] == operations["chat"]["events"]
    assert operations["transcription"]["client_audio_seconds"] > 0
    assert operations["speech"]["stored_characters"] > 0
    environment = {name: value for name, value in os.environ.items() if "GATEMETER" not in name}
    drained = subprocess.run(
        [*GATEMETER, "consume", "--once", "--json"],
        env=environment | {"GATEMETER_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(drained.stdout)["events_stored"] == 0


@pytest.mark.timeout(300)
def test_one_event_too_many_is_noticed(tmp_path: Path) -> None:
    """An event that no client caused makes the books disagree, and the exit code say so."""
    home = tmp_path / "demo"
    with demo(*PLAIN, "--seconds", "5", "--keep", str(home)) as process:
        line = _first_event(home / "queue")
        forger = FileQueue(home / "queue")
        forger.append(re.sub(rb'"event_id":"[^"]+"', b'"event_id":"%s"' % _new_id(), line))
        forger.close()
        out, err = process.communicate(timeout=MOST_SECONDS)
    assert process.returncode == 1, err
    result = json.loads(out)
    assert result["agree"] is False
    assert result["events_stored"] == result["requests_sent"] + 1
    assert result["differences"]
    assert "do NOT agree" in err


@pytest.mark.timeout(300)
def test_ctrl_c_ends_the_demo_in_order_and_leaves_nothing_running(tmp_path: Path) -> None:
    """The books are still compared, and no child is left."""
    home = tmp_path / "demo"
    with demo(*PLAIN, "--keep", str(home)) as process:
        _first_event(home / "queue")
        children = _children(process.pid)
        assert len(children) >= 2
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=MOST_SECONDS)
    assert process.returncode == 0, err
    assert json.loads(out)["agree"] is True
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_a_used_folder_is_refused(tmp_path: Path) -> None:
    """The books of two runs cannot be told apart."""
    (tmp_path / "something").touch()
    result = CliRunner().invoke(command, ["--keep", str(tmp_path), "--no-dashboard"])
    assert result.exit_code == 1
    assert "is not empty: give --keep a new folder" in result.output


@pytest.mark.parametrize("option", ["--gateway-port", "--dashboard-port"])
def test_a_taken_port_is_one_line_that_names_its_option(option: str) -> None:
    """Before anything was started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(command, [option, str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert f"is taken: choose another with {option}" in result.output
    assert result.output.strip().count("\n") == 0


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """The message says which folder and why."""
    (tmp_path / "file").touch()
    result = CliRunner().invoke(
        command, ["--keep", str(tmp_path / "file" / "demo"), "--no-dashboard"]
    )
    assert result.exit_code == 1
    assert "cannot be" in result.output
    assert result.output.strip().count("\n") == 0


def _first_event(queue: Path) -> bytes:
    """The first event that the gateway has recorded."""
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline:
        for segment in queue.glob("*.ndjson*"):
            line, newline, _ = segment.read_bytes().partition(b"\n")
            if newline and line.startswith(b"{"):
                return line + newline
        time.sleep(0.05)
    raise AssertionError("the demo recorded no event")


def _new_id() -> bytes:
    return EventIds().new().encode()


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
