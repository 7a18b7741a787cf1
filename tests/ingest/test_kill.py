"""Real processes, really killed: what a writer had acknowledged is in the store once."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from analytics import Store
from gateway_hooks.queue.reader_lock import running_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.queue_samples import MakeLine

ROUNDS = 3
WRITERS = 3
CONSUME = "from gatemeter.cli import main; main()"
WRITE = """
import os, sys, time
from pathlib import Path
from gateway_hooks.queue.file_queue import FileQueue

folder, acknowledged, template, first = sys.argv[1:]
queue = FileQueue(Path(folder), segment_max_bytes=20_000)
log = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for number in range(int(first), int(first) + 100_000):
    identity = f"{number:012x}"
    queue.append(template.replace("0" * 12, identity).encode() + b"\\n")
    os.write(log, identity.encode() + b"\\n")
    time.sleep(0.002)
"""


class Processes:
    """Starts processes and kills every one that is left."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A Python process of ours, whose complaints end up in the test's."""
        process = subprocess.Popen([sys.executable, "-c", *arguments], stdout=subprocess.PIPE)
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> int:
        """SIGKILL; returns the exit code, which is that of the kill unless it had ended before."""
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self.running.remove(process)
        return process.returncode


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Processes that do not outlive the test."""
    made = Processes()
    yield made
    for process in list(made.running):
        made.kill(process)


def consume(folder: Path, *options: str) -> list[str]:
    """Arguments of a consumer of small, frequent commits."""
    places = ["--queue", str(folder / "queue"), "--store", str(folder / "store")]
    return [CONSUME, "consume", *places, "--batch-seconds", "0.05", *options]


def stored_ids(folder: Path) -> list[str]:
    """The last part of every event id in the store."""
    with Store.open(str(folder / "store"), read_only=True) as store:
        return [row[0][-12:] for row in store.frame("SELECT event_id FROM usage.events").rows()]


def test_kill_nine_at_random_moments_loses_and_repeats_nothing(
    tmp_path: Path, processes: Processes, event_line: MakeLine
) -> None:
    """Acknowledged appends are stored once; of an append that was cut short either is right."""
    chance = random.Random(7)  # noqa: S311 - no secret depends on it
    acknowledged = tmp_path / "acknowledged"
    template = event_line(0).decode().strip()
    writers_killed = 0

    def new_writer(number: int) -> subprocess.Popen[bytes]:
        places = [str(tmp_path / "queue"), str(acknowledged)]
        return processes.start(WRITE, *places, template, str(1 + number * 100_000))

    writers = [new_writer(number) for number in range(WRITERS)]
    for round_number in range(ROUNDS):
        consumer = processes.start(*consume(tmp_path))
        wait_while(lambda: running_reader(tmp_path / "queue") is None, consumer)
        if round_number % 2:  # half of the kills come between two of its commits
            wait_for_a_commit(tmp_path / "queue", consumer)
        time.sleep(chance.uniform(0.0, 0.8))
        assert processes.kill(consumer) == -signal.SIGKILL
        assert processes.kill(writers.pop(0)) == -signal.SIGKILL
        writers_killed += 1
        writers.append(new_writer(WRITERS + round_number))
    for writer in writers:
        processes.kill(writer)
        writers_killed += 1
    output, _ = processes.start(*consume(tmp_path, "--once", "--json")).communicate()

    summary = json.loads(output)
    promised = acknowledged.read_text().split()
    stored = stored_ids(tmp_path)
    assert len(promised) > 1000
    assert summary["events_stored"] < len(stored)
    assert len(stored) == len(set(stored))
    assert set(promised) <= set(stored)
    assert len(stored) - len(promised) <= writers_killed
    assert (summary["dead_letters"], summary["segments_missing"], summary["lag_bytes"]) == (0, 0, 0)
    assert list((tmp_path / "queue").glob("*.ndjson*")) == []


def test_sigterm_ends_the_consumer_cleanly(
    tmp_path: Path, processes: Processes, event_line: MakeLine
) -> None:
    """A stop that is asked for commits what was read, says what was done, and is a success."""
    template = event_line(0).decode().strip()
    acknowledged = tmp_path / "acknowledged"
    processes.start(WRITE, str(tmp_path / "queue"), str(acknowledged), template, "1")
    consumer = processes.start(*consume(tmp_path, "--json"))
    wait_for_a_commit(tmp_path / "queue", consumer)
    consumer.terminate()
    output, _ = consumer.communicate(timeout=30)
    assert consumer.returncode == 0
    assert json.loads(output)["events_stored"] == len(stored_ids(tmp_path)) > 0


def wait_while(waiting: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait for something that a living process will do."""
    while waiting():
        assert process.poll() is None
        time.sleep(0.02)


def wait_for_a_commit(queue: Path, consumer: subprocess.Popen[bytes]) -> None:
    """A sealed segment goes only after a commit."""
    seen: set[Path] = set()

    def none_is_gone() -> bool:
        now = set(queue.glob("*.ndjson"))
        seen.update(now)
        return seen == now

    wait_while(none_is_gone, consumer)
