"""The real SDK against an emulated hub that misbehaves: each failure is told apart and survived."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from gatemeter.emulator import Emulator, EmulatorSettings
from gateway_hooks.event_hubs.address import HubAddress
from gateway_hooks.event_hubs.failures import SendFailed, Trouble
from gateway_hooks.event_hubs.pack import Message
from gateway_hooks.event_hubs.sender import HubSender

if TYPE_CHECKING:
    from collections.abc import Callable

# A client of the SDK that is left while it is stuck does not close its socket.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ONE = Message(b'{"event":1}\n', "a-1")
TWO = Message(b'{"event":2}\n', "a-1")


def sender_to(hub: Emulator, *, timeout_seconds: float = 10.0, key: str | None = None) -> HubSender:
    """A sender with a time limit that tests can wait for."""
    string = hub.connection_string
    if key is not None:
        string = string.replace(hub.settings.key, key)
    address = HubAddress.parse(string)
    return HubSender(address.producer, timeout_seconds=timeout_seconds)


def bodies(hub: Emulator) -> list[bytes]:
    """What the hub holds."""
    return [message.body for message in hub.messages()]


async def test_a_message_arrives_under_its_key(hub: Emulator) -> None:
    """Body, partition key and type are as they were given; the limit is the link's."""
    sender = sender_to(hub)
    assert (1 << 20) - 4096 < await sender.max_bytes() < 1 << 20
    await sender.send(ONE)
    await sender.close()
    (stored,) = hub.messages()
    assert (stored.body, stored.partition_key) == (ONE.body, "a-1")


async def test_the_largest_message_fits(hub: Emulator) -> None:
    """The room left for headers is enough, also with the longest key of a segment."""
    sender = sender_to(hub)
    body = b"x" * (await sender.max_bytes() - 1) + b"\n"
    await sender.send(Message(body, "w" * 128))
    with pytest.raises(SendFailed) as caught:
        await sender.send(Message(body * 2, "w"))
    await sender.close()
    assert caught.value.trouble is Trouble.OVERSIZE
    assert bodies(hub) == [body]


FAULTS: list[tuple[Trouble, Callable[[Emulator], None], Callable[[Emulator], None], set[int]]] = [
    (
        Trouble.THROTTLED,
        lambda hub: hub.faults.reject_sends(9),
        lambda hub: hub.faults.clear(),
        {1},
    ),
    (
        Trouble.TIMED_OUT,
        lambda hub: hub.faults.swallow_acks(9),
        lambda hub: hub.faults.clear(),
        {2, 3},
    ),
    (
        Trouble.UNREACHABLE,
        lambda hub: hub.faults.drop_after_store(9),
        lambda hub: hub.faults.clear(),
        {2, 3},
    ),
    (Trouble.TIMED_OUT, lambda hub: hub.faults.pause(), lambda hub: hub.faults.resume(), {1, 2, 3}),
    (
        Trouble.UNREACHABLE,
        lambda hub: hub.faults.go_away(),
        lambda hub: hub.faults.come_back(),
        {1},
    ),
]


@pytest.mark.parametrize(
    ("trouble", "begin", "end", "copies"),
    FAULTS,
    ids=["throttled", "acknowledgement lost", "connection lost", "frozen", "away"],
)
async def test_each_fault_ends_in_time_and_the_next_send_works(
    hub: Emulator,
    trouble: Trouble,
    begin: Callable[[Emulator], None],
    end: Callable[[Emulator], None],
    copies: set[int],
) -> None:
    """The error has its kind; after the fault the same sender delivers; nothing is lost."""
    # What ends by itself has time to; only what does not is cut short.
    sender = sender_to(hub, timeout_seconds=3.0 if trouble is Trouble.TIMED_OUT else 30.0)
    await sender.send(ONE)
    await asyncio.to_thread(begin, hub)
    with pytest.raises(SendFailed) as caught:
        await asyncio.wait_for(sender.send(TWO), 40)
    assert caught.value.trouble is trouble, caught.value
    await asyncio.to_thread(end, hub)
    await sender.send(TWO)
    await sender.close()
    stored = bodies(hub)
    assert stored.count(ONE.body) == 1
    assert stored.count(TWO.body) in copies


async def test_a_wrong_or_expired_key_is_told_as_such(hub: Emulator) -> None:
    """The operator sees that waiting will not help, and that nothing was lost."""
    wrong = sender_to(hub, key="d3Jvbmc=")
    with pytest.raises(SendFailed) as caught:
        await wrong.send(ONE)
    assert caught.value.trouble is Trouble.UNAUTHORIZED, caught.value
    expired = sender_to(hub)
    hub.faults.expire_credentials()
    with pytest.raises(SendFailed) as caught:
        await expired.send(ONE)
    assert caught.value.trouble is Trouble.UNAUTHORIZED, caught.value
    await expired.send(ONE)
    await wrong.close()
    await expired.close()
    assert bodies(hub) == [ONE.body]


class Token(NamedTuple):
    """What a credential gives."""

    token: str
    expires_on: int


class Identity:
    """A managed identity, as far as the SDK asks."""

    scopes: tuple[str, ...] = ()

    async def get_token(self, *scopes: str, **_options: object) -> Token:
        """A token for the scopes that are wanted."""
        self.scopes = scopes
        return Token("made.up.token", int(time.time()) + 3600)

    async def close(self) -> None:
        """Nothing is open."""


class PlainAddress(HubAddress):
    """Without TLS, which an emulator on the loopback interface need not have."""

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "use_tls": False}


async def test_an_identity_logs_in_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other form of the address asks Entra for a token, for Event Hubs' own scope."""
    identity = Identity()
    monkeypatch.setattr("gateway_hooks.event_hubs.address._credential", lambda: identity)
    with Emulator(EmulatorSettings(accept_jwt=True)) as hub:
        address = PlainAddress.parse(f"sb://127.0.0.1:{hub.port}/usage")
        sender = HubSender(address.producer)
        await sender.send(ONE)
        await sender.close()
        assert bodies(hub) == [ONE.body]
    assert identity.scopes == ("https://eventhubs.azure.net//.default",)


@pytest.mark.filterwarnings("ignore:ssl=None is deprecated:DeprecationWarning")  # without TLS
async def test_websockets_carry_the_same(hub: Emulator) -> None:
    """Where only port 443 is open; the endpoint stands in for Azure's."""
    address = HubAddress.parse(
        hub.connection_string, transport="websocket", endpoint=hub.custom_endpoint_address
    )
    sender = HubSender(address.producer)
    await sender.send(ONE)
    await sender.close()
    assert bodies(hub) == [ONE.body]


async def test_a_small_hubs_limit_is_respected() -> None:
    """The Basic tier takes 256 KB."""
    with Emulator(EmulatorSettings(max_message_bytes=262_144)) as hub:
        sender = sender_to(hub)
        assert await sender.max_bytes() < 262_144
        await sender.close()
