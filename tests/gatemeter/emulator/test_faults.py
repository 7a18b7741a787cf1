"""Each fault, seen through the SDK."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.aio import EventHubProducerClient as AsyncProducer
from azure.eventhub.exceptions import AuthenticationError, ConnectError, EventDataSendError

from gatemeter.emulator import Emulator, EmulatorError

ProducerOf = Callable[..., EventHubProducerClient]


def _bodies(emulator: Emulator) -> list[bytes]:
    return sorted(one.body for one in emulator.messages())


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("com.microsoft:server-busy", "server-busy"),
        ("amqp:unauthorized-access", "UnauthorizedAccess"),
        ("amqp:internal-error", "InternalError"),
    ],
)
def test_rejected_sends(
    emulator: Emulator, producer: EventHubProducerClient, condition: str, says: str
) -> None:
    """The SDK raises with the condition; nothing is stored, and the send after it goes through."""
    producer.send_batch([EventData(b"before")])
    emulator.faults.reject_sends(2, condition, "because of a test")
    with pytest.raises(EventDataSendError, match=says):
        producer.send_batch([EventData(b"lost")])
    while emulator.faults.take_send_fault():  # the SDK tried once or twice, as it likes
        pass
    producer.send_batch([EventData(b"after")])
    assert _bodies(emulator) == [b"after", b"before"]


def test_a_connection_lost_before_the_acknowledgement_duplicates(
    emulator: Emulator,
    producer_of: ProducerOf,
) -> None:
    """The event is stored, the SDK cannot know it and sends again: two copies."""
    producer = producer_of(emulator, retry_total=3, retry_backoff_factor=0.1)
    producer.send_batch([EventData(b"before")])
    emulator.faults.drop_after_store()
    producer.send_batch([EventData(b"twice")])
    assert _bodies(emulator) == [b"before", b"twice", b"twice"]


async def test_a_swallowed_acknowledgement_leaves_the_client_waiting(emulator: Emulator) -> None:
    """The event is stored, the connection stays up, the client hears nothing."""
    async with AsyncProducer.from_connection_string(emulator.connection_string) as producer:
        await producer.send_batch([EventData(b"before")])
        emulator.faults.swallow_acks()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(producer.send_batch([EventData(b"silent")]), 1)
        assert _bodies(emulator) == [b"before", b"silent"]
        await asyncio.wait_for(producer.send_batch([EventData(b"after")]), 20)
    assert _bodies(emulator) == [b"after", b"before", b"silent"]


def test_disconnected_clients_come_back(emulator: Emulator, producer_of: ProducerOf) -> None:
    """After every connection was cut off, the SDK connects again and sends."""
    producer = producer_of(emulator, retry_total=3, retry_backoff_factor=0.1)
    producer.send_batch([EventData(b"before")])
    emulator.faults.disconnect_all()
    producer.send_batch([EventData(b"after")])
    assert {b"before", b"after"} <= set(_bodies(emulator))


def test_pause_accepts_and_says_nothing(
    emulator: Emulator, producer: EventHubProducerClient
) -> None:
    """A send hangs while the hub is paused and goes through when it is not; new ones hang too."""
    producer.send_batch([EventData(b"before")])
    emulator.faults.pause()
    sending = threading.Thread(target=producer.send_batch, args=([EventData(b"held up")],))
    sending.start()
    with socket.create_connection(("127.0.0.1", emulator.port), 5) as newcomer:
        newcomer.settimeout(0.5)
        newcomer.sendall(b"AMQP\x03\x01\x00\x00")
        with pytest.raises(TimeoutError):
            newcomer.recv(1)
        assert sending.is_alive()
        assert _bodies(emulator) == [b"before"]
        emulator.faults.resume()
        newcomer.settimeout(10)
        assert newcomer.recv(8) == b"AMQP\x03\x01\x00\x00"
    sending.join(20)
    assert _bodies(emulator) == [b"before", b"held up"]


def test_a_hub_that_is_away_comes_back_on_its_port(
    emulator: Emulator, producer_of: ProducerOf
) -> None:
    """Connections are refused meanwhile; afterwards the same connection string works."""
    producer = producer_of(emulator)
    producer.send_batch([EventData(b"before")])
    emulator.faults.go_away()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", emulator.port), 5)
    with pytest.raises((ConnectError, EventDataSendError)):
        producer.send_batch([EventData(b"lost")])
    emulator.faults.go_away(seconds=0.2)  # being away twice is being away
    patient = producer_of(emulator, retry_total=8, retry_backoff_factor=0.2)
    patient.send_batch([EventData(b"after")])
    assert _bodies(emulator) == [b"after", b"before"]


def test_a_stop_ends_every_fault() -> None:
    """A paused or absent emulator stops at once and starts again as if nothing had been."""
    emulator = Emulator()
    for disturb in (emulator.faults.pause, emulator.faults.go_away):
        emulator.start()
        early = socket.create_connection(("127.0.0.1", emulator.port), 5)
        early.sendall(b"AMQP\x03\x01\x00\x00")
        assert early.recv(8) == b"AMQP\x03\x01\x00\x00"
        late = socket.create_connection(("127.0.0.1", emulator.port), 5)
        disturb(60)
        emulator.stop()
        for one in (early, late):
            with suppress(ConnectionResetError):
                while one.recv(1_000):
                    pass
            one.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", emulator.port), 5)


def test_expired_credentials(emulator: Emulator, producer_of: ProducerOf) -> None:
    """The token is answered with 401: an authentication error; the next one is taken."""
    producer = producer_of(emulator)
    emulator.faults.expire_credentials(None)
    with pytest.raises(AuthenticationError, match="expired"):
        producer.send_batch([EventData(b"lost")])
    emulator.faults.clear()
    producer.send_batch([EventData(b"after")])
    assert _bodies(emulator) == [b"after"]


def test_faults_are_used_up_in_order(emulator: Emulator) -> None:
    """Two rejections, then one lost acknowledgement, then none; a negative count is an error."""
    emulator.faults.reject_sends(2, "a:b")
    emulator.faults.swallow_acks(1)
    emulator.faults.drop_after_store(0)
    plans = [emulator.faults.take_send_fault() for _ in range(4)]
    assert [plan.fault.value if plan else None for plan in plans] == [
        "reject",
        "reject",
        "swallow acknowledgement",
        None,
    ]
    emulator.faults.reject_sends(None)
    assert all(emulator.faults.take_send_fault() for _ in range(50))
    emulator.faults.clear()
    assert emulator.faults.take_send_fault() is None
    with pytest.raises(EmulatorError):
        emulator.faults.swallow_acks(-1)
