"""The real SDK sends and reads; the messages are what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from azure.eventhub import (
    EventData,
    EventHubConsumerClient,
    EventHubProducerClient,
    PartitionContext,
)
from azure.eventhub.aio import EventHubConsumerClient as AsyncConsumer
from azure.eventhub.aio import EventHubProducerClient as AsyncProducer
from azure.eventhub.exceptions import AuthenticationError, EventDataSendError

from gatemeter.emulator import Emulator, EmulatorError, EmulatorSettings, HubSettings, Refusal
from gatemeter.emulator.partition_keys import partition_of

ProducerOf = Callable[..., EventHubProducerClient]
Receive = Callable[..., list[EventData]]


def _body(event: EventData) -> bytes:
    return b"".join(cast("Iterable[bytes]", event.body))


def _event(body: bytes, properties: dict[str | bytes, Any] | None = None) -> EventData:
    event = EventData(body)
    event.properties = properties or {}
    event.content_type = "application/x-ndjson"
    event.message_id = "id-1"
    return event


def test_a_round_trip_keeps_everything(
    emulator: Emulator, producer_of: ProducerOf, receive: Receive
) -> None:
    """Bodies, properties, numbers and times arrive as they were stored."""
    before = datetime.now(UTC).replace(microsecond=0)
    producer = producer_of(emulator)
    batch = producer.create_batch(partition_id="0")
    batch.add(_event(b"first", {"team": "blue"}))
    batch.add(_event(b""))
    producer.send_batch(batch)
    large = bytes(range(256)) * 3_000  # more than ten frames of 64 KiB each way
    producer.send_event(_event(large), partition_id="0")
    producer.send_batch([EventData([b"in ", b"two parts"])], partition_id="0")

    stored = emulator.messages(0)
    assert [one.body for one in stored] == [b"first", b"", large, b"in two parts"]
    assert [one.sequence_number for one in stored] == [0, 1, 2, 3]
    assert stored[0].application_properties == {"team": "blue"}
    assert stored[0].properties["content_type"] == "application/x-ndjson"
    assert emulator.messages(1) == []

    events = receive(emulator, 4, track_last_enqueued_event_properties=True)
    assert [_body(event) for event in events] == [one.body for one in stored]
    assert [event.sequence_number for event in events] == [0, 1, 2, 3]
    assert [event.offset for event in events] == [one.offset for one in stored]
    times = [event.enqueued_time for event in events]
    assert all(time and before <= time <= datetime.now(UTC) for time in times)
    assert events[0].properties == {b"team": b"blue"}
    assert events[0].content_type == "application/x-ndjson"
    assert events[0].message_id == "id-1"


def test_metrics_come_with_events_when_asked_for(
    emulator: Emulator, producer_of: ProducerOf
) -> None:
    """`track_last_enqueued_event_properties` tells of the newest event, even of older ones."""
    producer = producer_of(emulator)
    producer.send_batch([EventData(b"a"), EventData(b"b"), EventData(b"c")], partition_id="0")
    client = EventHubConsumerClient.from_connection_string(
        emulator.connection_string, consumer_group="$Default"
    )
    seen: list[dict[str, Any]] = []

    def on_event(context: PartitionContext, _event: EventData | None) -> None:
        seen.append(context.last_enqueued_event_properties or {})
        client.close()

    client.receive(
        on_event,
        partition_id="0",
        starting_position="-1",
        track_last_enqueued_event_properties=True,
    )
    newest = emulator.messages(0)[-1]
    assert seen[0]["sequence_number"] == 2
    assert seen[0]["offset"] == newest.offset
    assert seen[0]["enqueued_time"] == newest.enqueued_time


async def test_the_async_clients_work_too(emulator: Emulator) -> None:
    """The aio producer and consumer, with a batch of a thousand events."""
    async with AsyncProducer.from_connection_string(emulator.connection_string) as producer:
        batch = await producer.create_batch(partition_id="1")
        for number in range(1_000):
            batch.add(EventData(str(number).encode()))
        await producer.send_batch(batch)
    came: list[bytes] = []
    done = asyncio.Event()

    async def on_event_batch(_context: object, events: list[EventData]) -> None:
        came.extend(_body(event) for event in events)
        if len(came) >= 1_000:
            done.set()

    consumer = AsyncConsumer.from_connection_string(
        emulator.connection_string, consumer_group="$Default"
    )
    async with consumer:
        reading = asyncio.create_task(
            consumer.receive_batch(on_event_batch, partition_id="1", starting_position="-1")
        )
        await asyncio.wait_for(done.wait(), 30)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert came == [str(number).encode() for number in range(1_000)]


def test_events_find_their_partitions(producer_of: ProducerOf) -> None:
    """By key as the SDK itself resolves keys, by id where it says, otherwise in turn."""
    with Emulator(
        EmulatorSettings(hubs=(HubSettings("other"), HubSettings("usage", 3)))
    ) as emulator:
        producer = producer_of(emulator, connection_string=emulator.connection_string_of("usage"))
        keys = [f"team-{number}" for number in range(12)]
        for key in keys:
            producer.send_batch([EventData(key.encode())], partition_key=key)
        for partition in range(3):
            stored = emulator.messages(partition, "usage")
            assert [one.partition_key for one in stored] == [
                key for key in keys if partition_of(key, 3) == partition
            ]
            emulator.trim(partition, hub="usage")
        for number in range(6):
            producer.send_batch([EventData(str(number).encode())])
        turns = [[one.body for one in emulator.messages(one_of, "usage")] for one_of in range(3)]
        assert turns == [[b"0", b"3"], [b"1", b"4"], [b"2", b"5"]]
        assert emulator.messages(hub="other") == []


def test_buffered_producers_agree_on_keys(emulator: Emulator) -> None:
    """The SDK places buffered events itself; it is the place where the emulator would."""
    failed: list[object] = []
    producer = EventHubProducerClient.from_connection_string(
        emulator.connection_string,
        buffered_mode=True,
        on_success=lambda *_: None,
        on_error=lambda *error: failed.append(error),
    )
    with producer:
        for key in ("alpha", "beta", "gamma", "delta"):
            producer.send_event(EventData(key.encode()), partition_key=key)
        producer.flush(timeout=30)
    assert not failed
    for partition in (0, 1):
        for one in emulator.messages(partition):
            assert one.partition_key == one.body.decode()
            assert partition_of(one.body.decode(), 2) == partition
    assert len(emulator.messages()) == 4


def test_the_middle_of_a_partition_can_be_the_start(
    emulator: Emulator,
    producer_of: ProducerOf,
    receive: Receive,
) -> None:
    """A sequence number and a time, as the SDK writes them; offsets are in the test of gaps."""
    producer = producer_of(emulator)
    producer.send_batch([EventData(b"0"), EventData(b"1")], partition_id="0")
    producer.send_batch([EventData(b"2")], partition_id="0")
    stored = emulator.messages(0)
    starts: list[tuple[dict[str, Any], bytes]] = [
        ({"starting_position": 1, "starting_position_inclusive": True}, b"1"),
        (
            {
                "starting_position": stored[2].enqueued_time,
                "starting_position_inclusive": True,
            },
            b"2" if stored[1].enqueued_ms < stored[2].enqueued_ms else b"0",
        ),
    ]
    for options, first in starts:
        (event, *_) = receive(emulator, 1, **options)
        assert _body(event) == first


def test_a_gap_is_seen_after_retention(
    emulator: Emulator, producer_of: ProducerOf, receive: Receive
) -> None:
    """An offset that is gone leads to the oldest event that is left: numbers jump."""
    producer = producer_of(emulator)
    producer.send_batch([EventData(b"x") for _ in range(10)], partition_id="0")
    position = emulator.messages(0)[1].offset
    emulator.trim(0, keep=3)
    events = receive(emulator, 3, starting_position=position)
    assert [event.sequence_number for event in events] == [7, 8, 9]
    properties = producer.get_partition_properties("0")
    assert properties["beginning_sequence_number"] == 7


def test_a_restart_on_the_same_folder_loses_nothing(
    tmp_path: Path, producer_of: ProducerOf, receive: Receive
) -> None:
    """Messages, numbers and the port are there again; a client that lived on goes on sending."""
    emulator = Emulator(EmulatorSettings(hubs=(HubSettings(partitions=1),), folder=tmp_path))
    emulator.start()
    port = emulator.port
    producer = producer_of(emulator, retry_total=5, retry_backoff_factor=0.1)
    producer.send_batch([EventData(b"before")])
    with pytest.raises(EmulatorError, match="another emulator"), Emulator(emulator.settings):
        pass
    emulator.stop()
    emulator.start()
    try:
        assert emulator.port == port
        producer.send_batch([EventData(b"after")])
        events = receive(emulator, 2)
        assert [(event.sequence_number, _body(event)) for event in events] == [
            (0, b"before"),
            (1, b"after"),
        ]
    finally:
        emulator.stop()
    fewer = EmulatorSettings(hubs=(HubSettings(partitions=2),), folder=tmp_path)
    with Emulator(fewer):
        pass
    with pytest.raises(EmulatorError, match="at least so many"), Emulator(emulator.settings):
        pass


def test_a_wrong_key_is_refused(emulator: Emulator, producer_of: ProducerOf) -> None:
    """The SDK sees an authentication error and nothing is stored."""
    wrong = emulator.connection_string.replace("SharedAccessKey=", "SharedAccessKey=x")
    producer = producer_of(emulator, connection_string=wrong)
    with pytest.raises(AuthenticationError, match="invalid signature"):
        producer.send_batch([EventData(b"x")])
    assert emulator.messages() == []


def test_what_is_too_large_is_refused(producer_of: ProducerOf) -> None:
    """The link says its limit, batches keep to it, and a larger event is rejected."""
    with Emulator(EmulatorSettings(max_message_bytes=100_000)) as emulator:
        producer = producer_of(emulator)
        batch = producer.create_batch()
        assert batch.max_size_in_bytes == 100_000
        with pytest.raises(ValueError, match="size limit"):
            batch.add(EventData(b"x" * 100_000))
        with pytest.raises(EventDataSendError, match="LinkMessageSizeExceeded"):
            producer.send_event(EventData(b"x" * 1_200_000))
        batch.add(EventData(b"x" * 99_000))
        producer.send_batch(batch)
        assert [len(one.body) for one in emulator.messages()] == [99_000]


def test_what_is_not_there_cannot_be_asked_for(emulator: Emulator) -> None:
    """Asserts on the wrong hub or on a stopped emulator do not pass by accident."""
    with pytest.raises(Refusal):
        emulator.messages(hub="other")
    with pytest.raises(Refusal):
        emulator.messages(7)
    with pytest.raises(EmulatorError, match="running already"):
        emulator.start()
    stopped = Emulator()
    with pytest.raises(EmulatorError, match="start it first"):
        stopped.messages()
    with pytest.raises(EmulatorError, match="start it first"):
        stopped.faults.pause()
