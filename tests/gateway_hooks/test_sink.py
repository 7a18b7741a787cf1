"""What every sink promises, the real one and the one in memory."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

import pytest

from gateway_hooks.queue.file_queue import FileQueue
from gateway_hooks.sink import MemorySink, Sink


class Kept(Protocol):
    """Reads back what a sink has kept."""

    def __call__(self) -> list[bytes]:
        """Every line, in order."""


@pytest.fixture(params=["memory", "file_queue"])
def sink_and_kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Sink, Kept]:
    """A sink, and how to read back what it has."""
    if request.param == "memory":
        memory = MemorySink()
        return memory, lambda: memory.lines
    queue = FileQueue(tmp_path)

    def kept() -> list[bytes]:
        lines = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
        return [line for line in lines.splitlines(keepends=True) if not line.startswith(b"#")]

    return queue, kept


def test_a_line_is_kept_when_append_returns(sink_and_kept: tuple[Sink, Kept]) -> None:
    """Not later, by a thread or at the end."""
    sink, kept = sink_and_kept
    for number in range(5):
        line = b'{"number":%d}\n' % number
        sink.append(line)
        assert kept()[-1] == line
    sink.close()
    assert len(kept()) == 5


def test_threads_append_at_once(sink_and_kept: tuple[Sink, Kept]) -> None:
    """No line is lost, mixed with another, or out of its thread's order."""
    sink, kept = sink_and_kept

    def work(worker: int) -> None:
        for number in range(200):
            sink.append(b'{"worker":%d,"number":%d}\n' % (worker, number))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()
    for worker in range(4):
        mine = [line for line in kept() if line.startswith(b'{"worker":%d,' % worker)]
        assert mine == [b'{"worker":%d,"number":%d}\n' % (worker, n) for n in range(200)]


def test_closing_twice_is_harmless(sink_and_kept: tuple[Sink, Kept]) -> None:
    """Whoever closes second finds nothing to do."""
    sink, kept = sink_and_kept
    sink.append(b"{}\n")
    sink.close()
    sink.close()
    assert kept() == [b"{}\n"]
