"""An emulator, and the real SDK's clients on it. A new link costs the SDK half a second."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient

from gatemeter.emulator import Emulator, EmulatorSettings, HubSettings

SILENCE_SECONDS = 10.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Allow sockets that nobody closes: the SDK forgets those of lost connections."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning"))


@pytest.fixture(autouse=True)
def _collected(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect those sockets here, where they are expected, not in somebody else's test."""
    yield
    if {"emulator", "producer_of"} & set(request.fixturenames):
        gc.collect()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One hub with two partitions."""
    with Emulator(EmulatorSettings(hubs=(HubSettings(partitions=2),))) as running:
        yield running


ProducerOf = Callable[..., EventHubProducerClient]


@pytest.fixture
def producer_of() -> Iterator[ProducerOf]:
    """Make producers from an emulator and the SDK's own options; they are closed at the end."""
    with ExitStack() as stack:

        def make(emulator: Emulator, **options: Any) -> EventHubProducerClient:
            client = EventHubProducerClient.from_connection_string(
                options.pop("connection_string", emulator.connection_string),
                **{"retry_total": 0, **options},
            )
            return stack.enter_context(client)

        yield make


@pytest.fixture
def producer(emulator: Emulator, producer_of: ProducerOf) -> EventHubProducerClient:
    """A producer that does not try again by itself."""
    return producer_of(emulator)


Receive = Callable[..., list[EventData]]


@pytest.fixture
def receive() -> Receive:
    """Read until so many events came, from the oldest one of partition 0 unless told otherwise."""

    def read(emulator: Emulator, count: int, **options: Any) -> list[EventData]:
        came: list[EventData] = []
        client = EventHubConsumerClient.from_connection_string(
            options.pop("connection_string", emulator.connection_string),
            consumer_group="$Default",
        )

        def on_event(_context: object, event: EventData | None) -> None:
            if event is not None:
                came.append(event)
            if event is None or len(came) >= count:
                client.close()

        options = {"partition_id": "0", "starting_position": "-1", **options}
        client.receive(on_event, max_wait_time=SILENCE_SECONDS, **options)
        assert len(came) >= count, "the events did not come"
        return came

    return read
