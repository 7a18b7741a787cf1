"""The receiver replaces its client when it is old, failed or stuck, and nothing is lost by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from ingest.event_hubs import receiver
from ingest.event_hubs.positions import split

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatemeter.emulator import Emulator
    from ingest.event_hubs import EventHubsSource
    from ingest.types import Partition, Position
    from tests.ingest.event_hubs.conftest import OpenSource
    from tests.queue_samples import MakeLine

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def source(open_source: OpenSource) -> EventHubsSource:
    """The hub as a source, with an empty ledger."""
    return open_source()


def send(hub: Emulator, *lines: bytes) -> None:
    """Each line as a message of partition 0."""
    with EventHubProducerClient.from_connection_string(hub.connection_string) as producer:
        for line in lines:
            producer.send_batch([EventData(line)], partition_id="0")


def read(
    source: EventHubsSource,
    positions: dict[Partition, Position],
    count: int,
    *,
    meanwhile: Callable[[], None] = lambda: None,
) -> list[bytes]:
    """Poll until so many lines came."""
    lines: list[bytes] = []
    deadline = time.monotonic() + 60
    while len(lines) < count:
        assert time.monotonic() < deadline, f"{len(lines)} of {count} lines"
        chunk = source.poll(positions, max_rows=100, max_bytes=1 << 20)
        if chunk is None:
            time.sleep(0.02)
            continue
        positions[chunk.partition] = chunk.after
        lines += chunk.lines.splitlines(keepends=True)
        meanwhile()
    return lines


def test_an_old_client_is_replaced(
    hub: Emulator,
    source: EventHubsSource,
    event_line: MakeLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The SDK remembers each delivery for ever; a new client begins where the old one ended."""
    monkeypatch.setattr(receiver, "RECYCLE_AFTER_MESSAGES", 3)
    monkeypatch.setattr(receiver, "CHECK_SECONDS", 0.4)
    sent = [event_line(number) for number in range(8)]
    send(hub, *sent[:4])
    positions: dict[Partition, Position] = {}
    lines = read(source, positions, 4)
    deadline = time.monotonic() + 30
    while source.counts.hub_reconnects == 0:
        assert time.monotonic() < deadline
        source.poll(positions, max_rows=1, max_bytes=1)
        time.sleep(0.02)
    send(hub, *sent[4:])
    lines += read(source, positions, 4)
    assert lines == sent
    assert {name: split(at) for name, at in positions.items()} == {"0": (8, 0)}


def test_a_broken_connection_costs_no_message(
    hub: Emulator, source: EventHubsSource, event_line: MakeLine
) -> None:
    """Cut off in the middle of reading, it goes on behind what it has."""
    sent = [event_line(number) for number in range(12)]
    send(hub, *sent[:6])
    positions: dict[Partition, Position] = {}
    lines = read(source, positions, 6)
    hub.faults.disconnect_all()
    send(hub, *sent[6:])
    lines += read(source, positions, 6)
    assert lines == sent


def test_a_silent_hub_is_noticed(
    hub: Emulator,
    source: EventHubsSource,
    event_line: MakeLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hub that accepts connections and says nothing is left, and found again."""
    monkeypatch.setattr(receiver, "CHECK_SECONDS", 0.4)
    monkeypatch.setattr(receiver, "_CALL_SECONDS", 1.0)
    send(hub, event_line(1))
    positions: dict[Partition, Position] = {}
    assert read(source, positions, 1) == [event_line(1)]
    hub.faults.pause(3)
    time.sleep(3.5)
    send(hub, event_line(2))
    assert read(source, positions, 1) == [event_line(2)]
