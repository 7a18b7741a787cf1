"""A forwarder that is killed before each step it takes on the disk: none of them may matter."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gateway_hooks.event_hubs.progress import FILE_NAME
from gateway_hooks.segments import SegmentName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.queue_samples import HandWriter, MakeLine

# Forwards a queue to a file, and dies by SIGKILL before its step number `fatal`: a message, or
# anything that changes the queue's folder. Python tells of each such call before it is made. The
# parent forks once for each step, which is quicker than to start Python again.
DRIVER = """
import asyncio, json, os, shutil, signal, sys, time
from dataclasses import asdict
from pathlib import Path
from gateway_hooks.event_hubs.forwarder import Forwarder

class FileHub:
    def __init__(self, path):
        self.file = open(path, "ab", buffering=0)

    async def max_bytes(self):
        return 400

    async def send(self, message):
        step()
        self.file.write(message.body)

    async def close(self):
        self.file.close()

steps, fatal = 0, 0

def step():
    global steps
    steps += 1
    if steps == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

def watch(queue):
    def hook(event, arguments):
        writes = event in ("os.rename", "os.remove", "os.truncate") or (
            event == "open" and isinstance(arguments[2], int)
            and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if writes and str(arguments[0]).startswith(queue):
            step()
    sys.addaudithook(hook)

def forward(queue, hub):
    async def run():
        forwarder = Forwarder(Path(queue), FileHub(hub))
        try:
            await forwarder.run(once=True)
        finally:
            await forwarder.close()
        return asdict(forwarder.counts)
    return asyncio.run(run())

sample, folder = sys.argv[1:]
number, alive = 0, False
while not alive:
    number += 1
    queue, hub = f"{folder}/{number}/queue", f"{folder}/{number}/hub"
    shutil.copytree(sample, queue)
    child = os.fork()
    if child == 0:
        steps, fatal = 0, number
        watch(queue)
        forward(queue, hub)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    alive = status == 0
    assert alive or os.WTERMSIG(status) == signal.SIGKILL, status
    left = sorted(os.listdir(queue))
    print(json.dumps({"left": left, **forward(queue, hub)}))
"""


@pytest.fixture
def runs(
    tmp_path: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> list[tuple[dict[str, Any], list[bytes]]]:
    """What the forwarder did that came after each killed one, and what the hub had at last."""
    sample = tmp_path / "sample"
    for writer, first in (("a", 0), ("b", 3)):
        made = hand_writer(sample, writer).append(event_line(first)).seal()
        made.append(event_line(first + 1)).seal().append(event_line(first + 2)).die()
    driver = [sys.executable, "-c", DRIVER, str(sample), str(tmp_path / "runs")]
    printed = subprocess.run(driver, check=True, capture_output=True, text=True).stdout
    found = []
    for number, text in enumerate(printed.splitlines(), 1):
        hub = tmp_path / "runs" / str(number) / "hub"
        found.append((json.loads(text), hub.read_bytes().splitlines(keepends=True)))
    shutil.rmtree(sample)
    return found


def test_wherever_it_is_killed_all_arrives_and_nothing_is_called_missing(
    runs: list[tuple[dict[str, Any], list[bytes]]], event_line: MakeLine
) -> None:
    """Each line is in the hub; at most what one segment holds was sent twice."""
    everything = {event_line(number) for number in range(6)}
    assert len(runs) > 20  # so there were steps to be killed at
    for counts, lines in runs:
        assert set(lines) == everything
        assert len(lines) - len(everything) <= 2  # a segment of each writer
        assert (counts["segments_missing"], counts["segments_damaged"]) == (0, 0)


def test_what_was_noted_as_sent_is_only_deleted(
    runs: list[tuple[dict[str, Any], list[bytes]]],
) -> None:
    """Killed between note and deletion, nothing is sent twice for it."""
    leftovers = 0
    for counts, lines in runs:
        segments_left = sum(name.endswith((".ndjson", ".open")) for name in counts["left"])
        assert counts["segments_freed"] == segments_left
        if segments_left > counts["events"]:
            leftovers += 1
            assert len(lines) == len(set(lines))
    assert leftovers == 6


def test_on_a_full_disk_what_is_sent_is_still_deleted(
    tmp_path: Path, hand_writer: Callable[..., HandWriter], event_line: MakeLine
) -> None:
    """Nothing can be noted there, and deleting is what makes room."""
    queue, hub = tmp_path / "queue", tmp_path / "hub"
    hand_writer(queue, "a").append(event_line(1)).seal()
    (queue / f".{FILE_NAME}.draft").mkdir()  # opening it for writing fails, as on a full disk
    program = DRIVER.partition("sample, folder =")[0] + "forward(*sys.argv[1:])"
    ended = subprocess.run(
        [sys.executable, "-c", program, str(queue), str(hub)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "QueueUnusable" in ended.stderr  # it says so all the same, and ends
    assert hub.read_bytes() == event_line(1)
    assert not [path for path in queue.iterdir() if SegmentName.parse(path)]
