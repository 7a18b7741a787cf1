"""Events as lines, and segments written by hand: for every test that reads or feeds a queue."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from gateway_hooks.segments import SegmentName, Trailer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class MakeLine(Protocol):
    """Makes the line of event number `number`; further fields replace or remove (None) its own."""

    def __call__(self, number: int, **fields: Any) -> bytes:
        """One line with its newline."""


def sample_event_line(number: int, **fields: Any) -> bytes:
    """Event number `number`, whose input tokens are its number."""
    middle = f"{number >> 16 & 0xFFFF:04x}-7{number & 0xFFF:03x}"
    event: dict[str, Any] = {
        "event_id": f"01932b1e-{middle}-8abc-{number:012x}",
        "schema_version": 1,
        "started_at": f"2026-11-21T08:{number // 60 % 60:02d}:{number % 60:02d}.000000Z",
        "gateway": "test",
        "auth_type": "api_key",
        "key_id": "k_0123456789abcdef",
        "operation": "chat",
        "request_model": "gpt-4o",
        "usage_source": "reported",
        "input_tokens": number,
        "output_tokens": 7,
        "duration_ms": 120.5,
        "status_code": 200,
        "attempts": [{"backend": "one.openai.azure.com", "status_code": 200}],
    }
    event |= fields
    present = {name: value for name, value in event.items() if value is not None}
    return json.dumps(present, separators=(",", ":")).encode() + b"\n"


class HandWriter:
    """Writes segments as `gateway_hooks.segments` says; tests may stop between any two steps."""

    def __init__(self, folder: Path, writer: str) -> None:
        self.folder = folder
        self.writer = writer
        self.number = 0
        self._descriptor: int | None = None

    @property
    def name(self) -> SegmentName:
        """The segment being written."""
        return SegmentName(self.writer, self.number, is_open=True)

    @property
    def open_path(self) -> Path:
        """Where it is while open."""
        return self.folder / self.name.filename

    @property
    def sealed_path(self) -> Path:
        """Where it is once sealed."""
        return self.folder / self.name.sealed().filename

    def append(self, *lines: bytes) -> HandWriter:
        """Append lines (or a torn one) to the open segment."""
        if self._descriptor is None:
            self.number += 1
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._descriptor = os.open(self.open_path, flags, 0o644)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        for line in lines:
            os.write(self._descriptor, line)
        return self

    def end(self) -> HandWriter:
        """Append the trailer, but do not rename yet."""
        self.append(Trailer.of(self.open_path.read_bytes()).line())
        return self

    def rename(self) -> HandWriter:
        """Give the segment its sealed name."""
        self.open_path.rename(self.sealed_path)
        return self.die()

    def seal(self) -> HandWriter:
        """Finish the segment."""
        return self.append().end().rename()

    def die(self) -> HandWriter:
        """Let go of the lock, as the system does for a killed process."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        return self


@pytest.fixture(scope="session")
def event_line() -> MakeLine:
    """Makes the lines of events."""
    return sample_event_line


@pytest.fixture(scope="session")
def hand_writer() -> Iterator[Callable[[Path, str], HandWriter]]:
    """Makes writers whose files are closed when the tests end."""
    made: list[HandWriter] = []

    def make(folder: Path, writer: str) -> HandWriter:
        folder.mkdir(parents=True, exist_ok=True)
        made.append(HandWriter(folder, writer))
        return made[-1]

    yield make
    for writer in made:
        writer.die()
