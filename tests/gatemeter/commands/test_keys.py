"""The command `gatemeter keys`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from gatemeter.cli import cli
from gateway_hooks.fingerprint import Fingerprinter
from gateway_hooks.meter import Meter
from gateway_hooks.settings import HookSettings
from gateway_hooks.sink import MemorySink

KEY = "sk-0123456789abcdef"
SALT = "a salt for tests only"


@pytest.fixture(autouse=True)
def _salt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The gateway's settings."""
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))
    monkeypatch.setenv("GATEMETER_KEY_SALT", SALT)
    monkeypatch.delenv("GATEMETER_CONFIG", raising=False)


def test_the_printed_lines_name_the_key_in_events(tmp_path: Path) -> None:
    """Pasted into gatemeter.toml, they give the gateway's events their name and team."""
    arguments = ["keys", "fingerprint", "--name", 'the "first"', "--team", "payments"]
    result = CliRunner().invoke(cli, arguments, input=f"{KEY}\n")
    assert result.exit_code == 0
    key_id, toml = result.stdout.split("\n\n")
    assert tomllib.loads(toml) == {"keys": {key_id: {"name": 'the "first"', "team": "payments"}}}
    (tmp_path / "gatemeter.toml").write_text(toml)
    meter = Meter(HookSettings.load(), MemorySink())
    caller = meter.fingerprints.caller({"api-key": KEY})
    assert caller.key_id == key_id
    assert meter.operator.keys[key_id].team == "payments"
    meter.close()


def test_json() -> None:
    """One object for scripts."""
    result = CliRunner().invoke(cli, ["keys", "fingerprint", "--json"], input=KEY)
    printed = json.loads(result.stdout)
    assert printed["key_id"] == Fingerprinter(SALT.encode()).key_id(KEY)
    assert tomllib.loads(printed["toml"])["keys"][printed["key_id"]] == {"name": "", "team": ""}


def test_the_key_is_printed_nowhere() -> None:
    """Neither on standard output nor on standard error, nor in an error."""
    for text in (KEY, f"{KEY} {KEY}x"):
        result = CliRunner().invoke(cli, ["keys", "fingerprint"], input=text)
        assert KEY not in result.stdout + result.stderr


@pytest.mark.parametrize("text", ["", "\n", "one two"])
def test_no_key_is_an_error(text: str) -> None:
    """An empty pipe does not make a fingerprint of nothing."""
    result = CliRunner().invoke(cli, ["keys", "fingerprint"], input=text)
    assert result.exit_code == 1
    assert "exactly one key" in result.stderr


def test_the_prompt_hides_the_key() -> None:
    """At a terminal the key is asked for and not echoed."""
    ours, theirs = pty.openpty()
    code = "from gatemeter.cli import main; main(['keys', 'fingerprint'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"Key:" not in shown:
        shown += os.read(ours, 1024)
    os.write(ours, KEY.encode() + b"\n")
    output, _ = process.communicate(timeout=30)
    try:
        while data := os.read(ours, 1024):
            shown += data
    except OSError:
        pass  # the terminal is gone with the process
    os.close(ours)
    assert process.returncode == 0
    assert Fingerprinter(SALT.encode()).key_id(KEY).encode() in output
    assert KEY.encode() not in shown + output
