"""The command `gatemeter simulate`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from click.testing import CliRunner

from gatemeter.commands.simulate import command

GATEMETER = [sys.executable, "-c", "from gatemeter.cli import main; main()", "simulate"]


def test_it_serves_what_it_was_told_to_until_interrupted() -> None:
    """Deployments, keys and region come from the command line; Ctrl-C is a clean end."""
    options = ["--port", "0", "--deployment", "chat=gpt-4o", "--key", "mine", "--region", "uksouth"]
    process = subprocess.Popen([*GATEMETER, *options], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        url = process.stderr.readline().split(" on ")[1].split(",")[0]
        assert process.stderr.readline().strip() == "chat: gpt-4o"
        response = httpx.post(
            f"{url}/openai/deployments/chat/chat/completions?api-version=2024-10-21",
            headers={"api-key": "mine"},
            json={"messages": [{"role": "user", "content": "hi"}]},
            timeout=30,
        )
        assert response.status_code == 200
        assert response.headers["x-ms-region"] == "UK South"
        assert httpx.get(f"{url}/openai/v1/models", headers={"api-key": "x"}).status_code == 401
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_taken_port_is_one_clear_line() -> None:
    """The message says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(command, ["--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert "choose another with --port" in result.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--deployment", "a=b:type=huge"], "type is one of"),
        (["--fail", "explode=0.1"], "'explode' is not one of"),
        (["--fail", "reset=often"], "no probability"),
        (["--fail-rate", "2"], "0<=x<=1"),
    ],
)
def test_wrong_options_are_explained(options: list[str], says: str) -> None:
    """A wrong option stops the start and says what would be right."""
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 2
    assert says in result.output


def test_help_has_an_example() -> None:
    """One that can be pasted."""
    result = CliRunner().invoke(command, ["--help"])
    assert "gatemeter simulate --port" in result.output
