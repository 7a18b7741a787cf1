"""The command channel, with real programs."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from analytics.alerts import DeliveryFailed
from gatemeter.channels import CommandChannel, CommandSettings
from tests.gatemeter.channels.samples import message

if TYPE_CHECKING:
    from pathlib import Path


def channel(script: str, *arguments: object, **fields: Any) -> CommandChannel:
    """The channel that runs a script of ours."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return CommandChannel(
        CommandSettings.model_validate(
            {"name": "own", "type": "command", "command": command, **fields}
        )
    )


def test_the_program_reads_the_alert(tmp_path: Path) -> None:
    """JSON on its standard input, arguments as they were set, no shell in between."""
    script = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read() + '\\n' + sys.argv[2])"
    channel(script, tmp_path / "got", "$HOME; `id`").send(message())
    body, argument = (tmp_path / "got").read_text().split("\n")
    assert json.loads(body)["id"] == message().alert_id
    assert argument == "$HOME; `id`"


def test_our_settings_stay_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment goes along without GATEMETER_*, some of which are secrets."""
    monkeypatch.setenv("GATEMETER_KEY_SALT", "s3cr3t-s3cr3t-s3cr3t")
    monkeypatch.setenv("PAGER", "less")
    script = "import os, sys; open(sys.argv[1], 'w').write(repr(dict(os.environ)))"
    channel(script, tmp_path / "got").send(message())
    got = (tmp_path / "got").read_text()
    assert "s3cr3t" not in got
    assert "'PAGER': 'less'" in got


def test_another_end_than_0_is_a_failure_with_its_last_words() -> None:
    """The last line that the program said on stderr, cut."""
    with pytest.raises(DeliveryFailed) as caught:
        channel("import sys; sys.exit('first\\n' + 'no pager' * 100)").send(message())
    reason = str(caught.value)
    assert reason.startswith("the command ended with 1: no pager")
    assert len(reason) < 300


def test_a_program_that_reads_nothing_is_no_error() -> None:
    """Whoever needs no details may ignore them, also when there are many."""
    channel("pass").send(message(text="x" * 1_000_000))


def test_a_program_that_is_not_there_is_a_failure() -> None:
    """The reason names no path."""
    settings = CommandSettings(name="own", type="command", command=("/nowhere/s3cr3t",))
    with pytest.raises(DeliveryFailed, match="cannot be started: No such file"):
        CommandChannel(settings).send(message())


def test_what_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    """Neither the program nor what it started goes on."""
    script = (
        "import subprocess, sys, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        "open(sys.argv[1], 'w').write(str(child.pid)); time.sleep(60)"
    )
    with pytest.raises(DeliveryFailed, match="longer than 3 s"):
        channel(script, tmp_path / "child", timeout_seconds=3).send(message())
    assert _is_gone(int((tmp_path / "child").read_text()))


def _is_gone(pid: int) -> bool:
    """Whether the process has ended within some seconds; nobody may have waited for it yet."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - a file of the kernel
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False
