"""Counting tokens waits in one thread, and the wait is bounded."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from gateway_hooks.background import Background


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Keeps the first job at work until it is opened."""
    made = threading.Event()
    yield made
    made.set()


def test_jobs_run_in_their_order_off_the_caller(gate: threading.Event) -> None:
    """One thread, first come first served."""
    background = Background()
    seen: list[tuple[int, str]] = []
    background.submit(lambda: gate.wait(10), 0)

    def note(number: int) -> None:
        seen.append((number, threading.current_thread().name))

    for number in range(5):
        background.submit(partial(note, number), 0)
    gate.set()
    background.close()
    assert [number for number, _ in seen] == [0, 1, 2, 3, 4]
    assert all(name.startswith("gatemeter-estimate") for _, name in seen)


def test_a_full_backlog_refuses(gate: threading.Event) -> None:
    """Neither the number of waiting jobs nor what they hold in memory grows without end."""
    background = Background(max_jobs=3, max_bytes=1000)
    assert background.submit(lambda: gate.wait(10), 900) is not None
    assert background.submit(lambda: None, 101) is None
    assert background.submit(lambda: None, 50) is not None
    assert background.submit(lambda: None, 50) is not None
    assert background.submit(lambda: None, 0) is None
    gate.set()
    background.close()


def test_room_comes_back(gate: threading.Event) -> None:
    """A backlog that was full takes jobs again when it has worked them off."""
    background = Background(max_jobs=1)
    first = background.submit(lambda: gate.wait(10), 0)
    assert first is not None
    assert background.submit(lambda: None, 0) is None
    gate.set()
    first.result(10)
    done = threading.Event()
    while background.submit(done.set, 0) is None:
        pass
    assert done.wait(10)
    background.close()


def test_a_single_job_may_be_large() -> None:
    """A request larger than the bound is counted when nothing else waits."""
    background = Background(max_bytes=10)
    assert background.submit(lambda: None, 1000) is not None
    background.close()


def test_a_closed_background_refuses() -> None:
    """After the end nothing is taken that would not be done."""
    background = Background()
    background.close()
    assert background.submit(lambda: None, 0) is None


FORK = """
    import os, threading
    from gateway_hooks.background import Background

    background = Background()
    background.submit(lambda: None, 0).result(10)
    pid = os.fork()
    if pid == 0:
        background.submit(lambda: None, 0).result(10)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""


def test_a_forked_child_has_its_own_thread() -> None:
    """Threads do not survive a fork; a worker's first job starts a new one."""
    subprocess.run([sys.executable, "-c", textwrap.dedent(FORK)], check=True, timeout=60)
