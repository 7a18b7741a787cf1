"""`gatemeter alerts`, with a receiver on the loopback interface."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.gatemeter.channels.samples import Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gatemeter.commands.conftest import Run

SETTINGS = """
[[budgets]]
name = "all"
measure = "requests"
limit = 1
period = "monthly"
channels = ["hook"]

[[channels]]
name = "hook"
type = "webhook"
url = "{url}/s3cr3t"

[alerts]
unpriced = false
anomaly_by = []
"""


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """A server, to which the settings send a budget that is used up."""
    with receiving(Receiver()) as running:
        (tmp_path / "gatemeter.toml").write_text(SETTINGS.format(url=running.url))
        yield running


@pytest.fixture
def run(run: Run, tmp_path: Path) -> Run:
    """The command line; a request was made this month."""
    from datetime import UTC, datetime

    from analytics.load import Loader
    from analytics.store import Store
    from tests.analytics.samples import FakeClock, event, load

    now = datetime.now(UTC)
    with Store.open(str(tmp_path / "store")) as store:
        load(Loader(store, FakeClock(now)), event(103, at=now), source="now")
    return run


def test_a_dry_run_sends_nothing_and_a_run_sends_once(run: Run, receiver: Receiver) -> None:
    """Look first; then it is sent, kept, and not sent again."""
    (new,) = map(json.loads, run("alerts", "run", "--dry-run", "--json").stdout.splitlines())
    assert (new["event"], new["kind"], new["subject"]) == ("new", "budget", "all")
    assert receiver.bodies == []
    first = run("alerts", "run", "--once")
    assert first.exit_code == 0
    assert "delivered to hook" in first.stdout
    assert run("alerts", "run", "--once").stdout == ""
    (body,) = receiver.bodies
    assert body["id"] == new["id"]
    states = {row["state"] for row in json.loads(run("alerts", "list", "--json").stdout)}
    assert states == {"delivered", "superseded"}


def test_a_failure_is_shown_and_no_success(run: Run, receiver: Receiver) -> None:
    """Cron sees the exit code, people the reason, and nobody the address."""
    receiver.answers = [500]
    done = run("alerts", "run", "--once")
    assert done.exit_code == 1
    assert "not delivered to hook" in done.stdout
    listed = run("alerts", "list").stdout
    assert "the address answered 500" in listed
    assert "waiting" in listed
    assert "s3cr3t" not in done.output + listed


def test_a_channel_can_be_tried(run: Run, receiver: Receiver) -> None:
    """A test message says that it is one; a channel that is not there names those that are."""
    assert run("alerts", "test", "hook").stdout == "hook: sent\n"
    assert receiver.bodies[0]["kind"] == "test"
    wrong = run("alerts", "test", "hok")
    assert wrong.exit_code == 1
    assert "only: hook" in wrong.stderr
    receiver.answers = [404]
    broken = run("alerts", "test", "hook")
    assert broken.exit_code == 1
    assert "the address answered 404" in broken.stderr


def test_it_goes_on_until_it_is_asked_to_end(run: Run, receiver: Receiver, tmp_path: Path) -> None:
    """Without --once it stays, and ends well on SIGTERM."""
    assert run("alerts", "list").exit_code == 0  # the store is there
    environment = os.environ | {
        "GATEMETER_HOME": str(tmp_path),
        "GATEMETER_STORE": str(tmp_path / "store"),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", "from gatemeter.cli import main; main()", "alerts", "run",
         "--every", "1"],
        env=environment,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        for _ in range(2400):
            if receiver.bodies or process.poll() is not None:
                break
            time.sleep(0.05)
        time.sleep(0.5)
    finally:
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert len(receiver.bodies) == 1
    assert b"delivered to hook" in printed


def test_without_a_store_it_says_what_to_do_and_makes_none(run: Run, tmp_path: Path) -> None:
    """An empty store of its making would have no prices, and confuse whoever asks for them."""
    for how in ("--once", "--dry-run"):
        done = run("alerts", "run", how, env={"GATEMETER_STORE": str(tmp_path / "none")})
        assert done.exit_code == 1
        assert "run `gatemeter consume`" in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "none").exists()
