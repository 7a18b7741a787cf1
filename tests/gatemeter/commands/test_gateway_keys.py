"""The commands that make, list, rotate and revoke the gateway's keys."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gatemeter.cli import cli
from gateway_hooks.fingerprint import Fingerprinter

SALT = "a salt for tests only"
OPTIONS = ("--team", "payments", "--product", "standard")


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The gateway's settings."""
    monkeypatch.setenv("GATEMETER_HOME", str(tmp_path))
    monkeypatch.setenv("GATEMETER_KEY_SALT", SALT)
    monkeypatch.delenv("GATEMETER_CONFIG", raising=False)


def run(*arguments: str) -> Result:
    """One call of `gatemeter keys`."""
    return CliRunner().invoke(cli, ["keys", *arguments])


def printed(*arguments: str) -> Any:
    """What a call prints with --json."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_key_is_printed_once_and_alone() -> None:
    """On standard output nothing but the key, so that it can be piped; reports' id beside it."""
    result = run("create", "checkout", *OPTIONS)
    secret = result.stdout.strip()
    assert secret.startswith("gm_")
    key_id = Fingerprinter(SALT.encode()).key_id(secret)
    assert key_id in result.stderr
    listed = run("list")
    assert "checkout" in listed.stdout
    assert secret not in listed.output
    assert [one["key_id"] for one in printed("list")] == [key_id]


def test_a_rotation_keeps_the_key_id() -> None:
    """And says how long the old key works."""
    first = printed("create", "checkout", *OPTIONS)
    second = printed("rotate", "checkout", "--overlap", "30m")
    assert first["key"] != second["key"]
    assert first["key_id"] == second["key_id"]
    assert "works until" in run("rotate", "checkout").stdout
    assert "is out" in run("rotate", "checkout", "--overlap", "0").stdout


def test_a_revoked_key_stays_in_the_list(tmp_path: Path) -> None:
    """As revoked; doing it again is no error."""
    run("create", "checkout", *OPTIONS)
    assert "is revoked since" in run("revoke", "checkout").stdout
    again = printed("revoke", "checkout")
    assert again["state"] == "revoked"
    assert [one["state"] for one in printed("list")] == ["revoked"]
    assert (tmp_path / "gateway-keys.sqlite").stat().st_mode & 0o777 == 0o600


def test_the_day_of_expiry_is_one_of_the_settings_time_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It begins at midnight there."""
    monkeypatch.setenv("GATEMETER_TIMEZONE", "Asia/Kolkata")
    printed("create", "trial", *OPTIONS, "--expires", "2099-01-31")
    assert printed("list")[0]["expires"] == "2099-01-30T18:30:00Z"


def test_another_file_can_be_named(tmp_path: Path) -> None:
    """For gateways with stores of their own."""
    path = str(tmp_path / "sub" / "other.sqlite")
    printed("create", "checkout", *OPTIONS, "--key-store", path)
    assert len(printed("list", "--key-store", path)) == 1
    assert sqlite3.connect(path).execute("SELECT count(*) FROM keys").fetchone() == (1,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list",), "gatemeter keys create"),
        (("revoke", "nobody"), "gatemeter keys list"),
        (("rotate", "nobody"), "gatemeter keys list"),
        (("rotate", "x", "--overlap", "soon"), "24h"),
        (("create", "x", *OPTIONS, "--expires", "2001-01-01"), "later day"),
        (("create", " ", *OPTIONS), "the name needs"),
        (("create", "x", "--product", "p"), "--team"),
    ],
)
def test_errors_say_what_to_do(arguments: tuple[str, ...], words: str) -> None:
    """One line, and no key was made."""
    result = run(*arguments)
    assert result.exit_code != 0
    assert words in result.output
    assert "gm_" not in result.output


def test_help_shows_examples() -> None:
    """For each of the commands."""
    for name in ("create", "list", "rotate", "revoke"):
        assert "gatemeter keys rotate checkout-service --overlap 24h" in run(name, "--help").stdout


def test_two_processes_share_the_store() -> None:
    """One makes keys while the other revokes them."""
    printed("create", "first", *OPTIONS)
    command = [sys.executable, "-c", "from gatemeter.cli import main; main()", "keys"]
    running = [
        subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL)
        for arguments in (["create", "second", *OPTIONS], ["revoke", "first"])
    ]
    assert [one.wait(60) for one in running] == [0, 0]
    states = {one["name"]: one["state"] for one in printed("list")}
    assert states == {"first": "revoked", "second": "active"}
