"""Child processes: started, waited for, ended, and never left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatemeter.demo.errors import DemoError
from gatemeter.demo.processes import Child


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home with room for logs."""
    (tmp_path / "logs").mkdir()
    return tmp_path


def test_a_child_is_waited_for_by_what_it_says_and_ended_as_by_an_operator(folder: Path) -> None:
    """Its address is read from its output; SIGTERM ends it."""
    child = Child("simulator", ["simulate", "--port", "0"], folder, os.environ)
    try:
        url = child.wait_for(re.compile(r"on (http://\S+?),"), 60)
        assert url.startswith("http://127.0.0.1:")
        child.check()
    finally:
        child.end()
    with pytest.raises(DemoError, match="simulator ended by itself"):
        child.check()


def test_a_child_that_does_not_start_is_one_line_with_its_last_words(folder: Path) -> None:
    """The message has what it said and where the rest is."""
    child = Child("gateway", ["gateway", "--backend", "nonsense"], folder, os.environ)
    with pytest.raises(DemoError) as refused:
        child.wait_for(re.compile("never said (x)"), 60)
    message = str(refused.value)
    assert "is no address" in message
    assert str(folder / "logs" / "gateway.log") in message
    assert "\n" not in message
    child.end()


def test_a_log_that_will_not_be_there_is_not_pointed_at(folder: Path) -> None:
    """A temporary folder is gone when the message is read."""
    child = Child("gateway", ["gateway", "--backend", "x"], folder, os.environ, kept=False)
    with pytest.raises(DemoError, match="--keep DIR keeps its log"):
        child.wait_for(re.compile("never said (x)"), 60)
    child.end()


def test_a_child_that_is_not_done_in_time_is_ended(folder: Path) -> None:
    """And so is a wait for something it never says."""
    child = Child("simulator", ["simulate", "--port", "0"], folder, os.environ)
    with pytest.raises(DemoError, match="did not start within"):
        child.wait_for(re.compile("never said (x)"), 0.01)
    with pytest.raises(DemoError, match="was not done within"):
        child.finish(0.01)
    with pytest.raises(DemoError, match="ended by itself"):
        child.check()


def test_a_child_ends_when_its_parent_is_killed(folder: Path) -> None:
    """Nothing is left behind, even if the parent could not clean up."""
    program = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from gatemeter.demo.processes import Child\n"
        "import re\n"
        "child = Child('simulator', ['simulate', '--port', '0'], Path(sys.argv[1]), os.environ)\n"
        "child.wait_for(re.compile(r'on (http)'), 60)\n"
        "print(child._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(20)
        deadline = time.monotonic() + 20
        while _is_alive(child):
            assert time.monotonic() < deadline, "the child outlived its parent"
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.communicate()


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits for its new parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
