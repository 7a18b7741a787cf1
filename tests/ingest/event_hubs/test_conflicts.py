"""Another consumer moves the ledger: what was handed out is read again and not taken for lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from ingest.errors import SourceFailed
from ingest.event_hubs import HubLimits
from ingest.event_hubs.positions import position_of

if TYPE_CHECKING:
    from gatemeter.emulator import Emulator
    from ingest.event_hubs import EventHubsSource
    from ingest.types import Partition, Position
    from tests.ingest.event_hubs.conftest import OpenSource
    from tests.queue_samples import MakeLine

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_a_dropped_batch_is_read_again_without_a_gap(
    hub: Emulator, event_line: MakeLine, open_source: OpenSource
) -> None:
    """Also with a mailbox that is full all the time, so that the old link waits to add more."""
    lines = [event_line(number) for number in range(300)]
    with EventHubProducerClient.from_connection_string(hub.connection_string) as producer:
        for line in lines:
            producer.send_batch([EventData(line)], partition_id="0")
    ledger: dict[str, int] = {}
    source = open_source(lambda: ledger, HubLimits(mailbox_bytes=3000))
    positions: dict[Partition, Position] = {}
    stored: list[bytes] = []
    drops = [20, 90, 200]
    deadline = time.monotonic() + 90
    while len(stored) < len(lines):
        assert time.monotonic() < deadline, f"{len(stored)} of {len(lines)} lines"
        chunk = source.poll(positions, max_rows=10, max_bytes=1 << 20)
        if chunk is None:
            time.sleep(0.01)
            continue
        assert chunk.faults == ()
        if drops and len(stored) >= drops[0]:
            # Could not be committed: the consumer reads the ledger and asks from there.
            drops.pop(0)
            positions = {chunk.partition: position_of(len(stored))} if stored else {}
            ledger["0"] = position_of(len(stored))
            source.poll({**positions, chunk.partition: chunk.after}, max_rows=1, max_bytes=1)
            continue
        stored += chunk.lines.splitlines(keepends=True)
        positions[chunk.partition] = chunk.after
        ledger["0"] = chunk.after
    assert stored == lines
    assert drops == []


def test_a_hub_that_was_made_anew_is_not_passed_over(
    hub: Emulator, event_line: MakeLine, open_source: OpenSource
) -> None:
    """The ledger is ahead of everything the hub ever had: that is another hub."""
    with EventHubProducerClient.from_connection_string(hub.connection_string) as producer:
        producer.send_batch([EventData(event_line(1))], partition_id="0")
    source = open_source(lambda: {"0": position_of(1000)})
    with pytest.raises(SourceFailed, match="the hub was made anew"):
        _poll_for(source, 30)


def _poll_for(source: EventHubsSource, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        source.poll({}, max_rows=1, max_bytes=1)
        time.sleep(0.02)
