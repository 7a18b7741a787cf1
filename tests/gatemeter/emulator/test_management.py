"""What a hub says of itself, through the SDK."""

from __future__ import annotations

from azure.eventhub import EventData, EventHubProducerClient

from gatemeter.emulator import Emulator
from gatemeter.emulator.broker import Broker
from gatemeter.emulator.management import read
from gatemeter.emulator.request_answer import Request


def test_properties_follow_what_was_sent(
    emulator: Emulator, producer: EventHubProducerClient
) -> None:
    """Ids, and numbers, offsets and times before and after the first event."""
    hub = producer.get_eventhub_properties()
    assert hub["eventhub_name"] == "usage"
    assert hub["partition_ids"] == ["0", "1"]
    empty = producer.get_partition_properties("1")
    assert empty["is_empty"]
    assert empty["last_enqueued_sequence_number"] == -1
    assert empty["last_enqueued_offset"] == "-1"
    producer.send_batch([EventData(b"a"), EventData(b"b")], partition_id="1")
    last = emulator.messages(1)[-1]
    full = producer.get_partition_properties("1")
    assert not full["is_empty"]
    assert full["beginning_sequence_number"] == 0
    assert full["last_enqueued_sequence_number"] == 1
    assert full["last_enqueued_offset"] == last.offset
    assert full["last_enqueued_time_utc"] == last.enqueued_time


def test_wrong_questions_get_a_status() -> None:
    """Unknown hubs and partitions are 404, other operations 400, without a token it is 401."""
    broker = Broker(Emulator().settings)

    def status(*, may: bool = True, **arguments: str) -> int:
        asked = {"operation": "READ", "type": "com.microsoft:eventhub", "name": "usage"} | arguments
        return read(Request(None, asked, None), broker, lambda _name: may).status

    assert status() == 200
    assert status(name="other") == 404
    assert status(type="com.microsoft:partition", partition="9") == 404
    assert status(type="com.microsoft:partition", partition="-1") == 404
    assert status(operation="DELETE") == 400
    assert status(type="com.microsoft:queue") == 400
    assert status(may=False) == 401
