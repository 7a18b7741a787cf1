"""Readers through the SDK: epochs, groups, and a hub whose reader is slow."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import cast

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient

from gatemeter.emulator import Emulator


def _body(event: EventData) -> bytes:
    return b"".join(cast("Iterable[bytes]", event.body))


class Consumer:
    """A consumer in a thread of its own that notes what it sees."""

    def __init__(self, emulator: Emulator, owner_level: int | None) -> None:
        self.came = threading.Event()
        self.failed = threading.Event()
        self.errors: list[Exception] = []
        self._client = EventHubConsumerClient.from_connection_string(
            emulator.connection_string, consumer_group="$Default", retry_total=0
        )
        self._thread = threading.Thread(target=self._read, args=(owner_level,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self._client.close()
        self._thread.join(30)

    def _read(self, owner_level: int | None) -> None:
        self._client.receive(
            lambda *_: self.came.set(),
            on_error=self._on_error,
            partition_id="0",
            starting_position="-1",
            owner_level=owner_level,
        )

    def _on_error(self, _context: object, error: Exception) -> None:
        self.errors.append(error)
        self.failed.set()


def test_an_equal_level_steals_the_partition(
    emulator: Emulator, producer: EventHubProducerClient
) -> None:
    """The reader that was there is told that its link was stolen, and a lower one stays out."""
    producer.send_batch([EventData(b"x")], partition_id="0")
    first = Consumer(emulator, owner_level=1)
    assert first.came.wait(20)
    thief = Consumer(emulator, owner_level=1)
    assert thief.came.wait(20)
    assert first.failed.wait(20)
    assert "amqp:link:stolen" in str(first.errors[0])
    late = Consumer(emulator, owner_level=None)
    assert late.failed.wait(20)
    assert "amqp:link:stolen" in str(late.errors[0])
    assert not late.came.is_set()
    for one in (first, thief, late):
        one.close()


def test_an_unknown_group_is_refused(emulator: Emulator) -> None:
    """The SDK reports that there is no such consumer group."""
    client = EventHubConsumerClient.from_connection_string(
        emulator.connection_string, consumer_group="nobody", retry_total=0
    )
    errors: list[Exception] = []

    def on_error(_context: object, error: Exception) -> None:
        errors.append(error)
        client.close()

    client.receive(lambda *_: None, on_error=on_error, partition_id="0")
    assert "no consumer group 'nobody'" in str(errors[0])


def test_credit_is_respected(emulator: Emulator, producer: EventHubProducerClient) -> None:
    """A reader with a prefetch of two is sent two events at a time, and gets all in the end."""
    producer.send_batch([EventData(str(number).encode()) for number in range(7)], partition_id="0")
    client = EventHubConsumerClient.from_connection_string(
        emulator.connection_string, consumer_group="$Default"
    )
    came: list[bytes] = []

    def on_event(_context: object, event: EventData | None) -> None:
        assert event is not None
        came.append(_body(event))
        if len(came) == 7:
            client.close()

    client.receive(on_event, partition_id="0", starting_position="-1", prefetch=2)
    assert came == [str(number).encode() for number in range(7)]
