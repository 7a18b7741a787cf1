"""`gatemeter budgets publish`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analytics.load import Loader
from analytics.store import Store
from tests.analytics.samples import FakeClock, event, load

if TYPE_CHECKING:
    from tests.gatemeter.commands.conftest import Run

SETTINGS = """
[[budgets]]
name = "tokens"
measure = "tokens"
limit = 2000
enforce = "deny"
team = "search"
"""
PROGRAM = "import sys; from gatemeter.cli import main; main(sys.argv[1:])"
ROOT = Path(__file__).parents[3]


def state_of(home: Path) -> dict[str, Any]:
    """What is published."""
    document = json.loads((home / "budget-state.json").read_text())
    assert isinstance(document, dict)
    return document


def waited(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def command(*options: str) -> list[str]:
    """The command, in a process of its own."""
    return [sys.executable, "-c", PROGRAM, "budgets", "publish", *options]


def environment(home: Path) -> dict[str, str]:
    """Of that process."""
    own = {"GATEMETER_HOME": str(home), "GATEMETER_STORE": str(home / "store")}
    return {**os.environ, **own, "PYTHONPATH": str(ROOT)}


def test_once_writes_the_state(tmp_path: Path, run: Run) -> None:
    """For cron: one look at the store, one file, nothing left beside it."""
    (tmp_path / "gatemeter.toml").write_text(SETTINGS)
    with Store.open(str(tmp_path / "store")) as store:
        now = datetime.now(UTC)
        load(Loader(store, FakeClock(now)), event(7, at=now - timedelta(seconds=1)), source="n")
    done = run("budgets", "publish")
    assert (done.exit_code, done.stderr) == (0, "")
    (budget,) = state_of(tmp_path)["budgets"]
    assert (budget["name"], budget["team"], budget["limit"]) == ("tokens", "search", "2000")
    assert int(budget["used"]) >= 1100
    assert [one.name for one in tmp_path.glob(".budget*")] == []


def test_without_enforced_budgets_it_says_so(tmp_path: Path, run: Run) -> None:
    """An operator who forgot `enforce` is told; gateways read an empty list."""
    done = run("budgets", "publish", "--out", str(tmp_path / "sub" / "state.json"))
    assert done.exit_code == 0
    assert "no [[budgets]] of gatemeter.toml says `enforce`" in done.stderr
    assert json.loads((tmp_path / "sub" / "state.json").read_text())["budgets"] == []


def test_a_store_that_cannot_be_read_is_an_error(tmp_path: Path, run: Run) -> None:
    """Once, it fails in one line and leaves the last state as it was."""
    (tmp_path / "budget-state.json").write_text("{}")
    done = run("budgets", "publish", "--store", str(tmp_path / "nowhere"))
    assert done.exit_code == 1
    assert "Error: there is no store at" in done.stderr
    assert "Traceback" not in done.stderr
    assert state_of(tmp_path) == {}


def test_every_so_often_until_it_is_told_to_stop(tmp_path: Path, run: Run) -> None:
    """The state is renewed; SIGTERM ends the process at once and without a fault."""
    (tmp_path / "gatemeter.toml").write_text(SETTINGS)
    with subprocess.Popen(command("--every", "1"), env=environment(tmp_path), cwd=ROOT) as process:
        try:
            waited((tmp_path / "budget-state.json").exists)
            first = state_of(tmp_path)["written_at"]
            waited(lambda: state_of(tmp_path)["written_at"] != first)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert run is not None


def test_a_child_ends_with_its_parent(tmp_path: Path, run: Run) -> None:
    """A gateway that is killed leaves nobody behind who writes for ever."""
    (tmp_path / "gatemeter.toml").write_text(SETTINGS)
    program = (
        "import os, subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'gatemeter.child', str(os.getpid()), *sys.argv[1:]]\n"
        "child = subprocess.Popen(command)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    arguments = ["budgets", "publish", "--every", "30"]
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env=environment(tmp_path), cwd=ROOT, stdout=subprocess.PIPE, text=True,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        waited((tmp_path / "budget-state.json").exists)
        parent.kill()
    waited(lambda: not _runs(child))
    assert run is not None


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
