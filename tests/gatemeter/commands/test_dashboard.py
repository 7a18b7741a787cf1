"""The command `gatemeter dashboard`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from click.testing import CliRunner

from analytics.store import Store
from gatemeter.commands.dashboard import command

if TYPE_CHECKING:
    from pathlib import Path

GATEMETER = [sys.executable, "-c", "from gatemeter.cli import main; main()", "dashboard"]


@pytest.fixture
def store_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, and a home that is not the developer's."""
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))
    Store.open(str(tmp_path / "store")).close()
    return tmp_path / "store"


def answer_of(url: str) -> httpx.Response:
    """The answer of a server that may still be starting."""
    for _ in range(300):
        try:
            return httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail("the dashboard did not come up")


def upgrade(address: str, host: str) -> int:
    """The answer to a browser that opens the page's connection under a name of the server."""
    headers = {
        "Host": host,
        "Origin": f"http://{host}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with httpx.stream("GET", f"{address}/_stcore/stream", headers=headers) as response:
        return response.status_code


def test_it_serves_on_this_machine_and_ends_when_told(store_folder: Path) -> None:
    """The printed address answers, other names for it do not, and a signal ends the one process."""
    process = subprocess.Popen(
        [*GATEMETER, "--port", "0", "--store", str(store_folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[1]
        assert address.startswith("http://127.0.0.1:")
        assert answer_of(f"{address}/_stcore/health").text == "ok"
        assert "<title>" in httpx.get(address).text
        assert upgrade(address, address.removeprefix("http://")) == 101
        assert upgrade(address, "elsewhere.example") == 403
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode is not None
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{address}/_stcore/health")
    finally:
        process.kill()
        process.communicate()


def test_a_missing_store_is_one_line(tmp_path: Path) -> None:
    """Nothing is served from a store that is not there; the way to make one is named."""
    result = CliRunner().invoke(command, ["--store", str(tmp_path / "nothing")])
    assert result.exit_code == 1
    assert "there is no store at" in result.output
    assert "gatemeter consume" in result.output
    assert len(result.output.splitlines()) == 1


def test_a_taken_port_is_one_line(store_folder: Path) -> None:
    """Whoever started it twice is told so, and how to choose another port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = CliRunner().invoke(command, ["--store", str(store_folder), "--port", port])
    assert result.exit_code == 1
    assert result.output == f"Error: port {port} is taken: give another with --port\n"


def test_help_shows_an_example() -> None:
    """The command explains itself."""
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "Example: gatemeter dashboard --port" in result.output
