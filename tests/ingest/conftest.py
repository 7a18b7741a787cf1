"""What tests of ingest share: a clock that obeys, made-up events, and segments written by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gateway_hooks.segments import Position
from ingest.file_queue import FileQueueSource
from ingest.memory_destination import MemoryDestination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ingest.types import Partition


@dataclass
class FakeClock:
    """Time that passes only when somebody sleeps."""

    seconds: float = 1000.0
    on_sleep: Callable[[], object] = field(default=lambda: None)

    def monotonic(self) -> float:
        """Seconds since some start."""
        return self.seconds

    def now(self) -> datetime:
        """The same, as a date."""
        return datetime(2026, 11, 21, 9, tzinfo=UTC) + timedelta(seconds=self.seconds - 1000)

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once, and whatever the test wants to happen meanwhile."""
        self.seconds += seconds
        self.on_sleep()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands at 1,000 seconds."""
    return FakeClock()


@pytest.fixture
def destination() -> MemoryDestination:
    """A store in memory."""
    return MemoryDestination()


@pytest.fixture
def queue(tmp_path: Path, clock: FakeClock) -> Iterator[FileQueueSource]:
    """A file queue as a source, over an empty folder."""
    source = FileQueueSource(tmp_path / "queue", clock, make_durable=lambda: None)
    yield source
    source.close()


@pytest.fixture(scope="session")
def read_all() -> Callable[..., list[tuple[str, bytes]]]:
    """Polls a source until it has nothing; returns (partition, line) in the order they came."""

    def read(source: Any, positions: dict[Partition, Position], **bounds: int) -> list[Any]:
        lines: list[tuple[str, bytes]] = []
        bounds = {"max_rows": 1000, "max_bytes": 1 << 20} | bounds
        while (chunk := source.poll(positions, **bounds)) is not None:
            assert chunk.before == positions.get(chunk.partition)
            positions[chunk.partition] = chunk.after
            lines += [(chunk.partition, line) for line in chunk.lines.splitlines(keepends=True)]
        return lines

    return read
