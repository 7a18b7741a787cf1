"""Windows and credit: nothing is sent that the peer has not asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from gatemeter.emulator import Emulator
from gatemeter.emulator.access import TokenChecker
from gatemeter.emulator.attaching import Attacher
from gatemeter.emulator.broker import Broker
from gatemeter.emulator.decode import decode
from gatemeter.emulator.errors import WireError
from gatemeter.emulator.frames import TRANSFER_OVERHEAD_BYTES, Frame, FrameReader
from gatemeter.emulator.performatives import (
    Attach,
    Begin,
    Detach,
    Flow,
    Performative,
    Transfer,
    performative_of,
)
from gatemeter.emulator.sections import DATA, encode_section
from gatemeter.emulator.session import Session
from gatemeter.emulator.wire_types import Described, Symbol, UInt, ULong

FRAME_BYTES = 600
PATH = "usage/ConsumerGroups/$Default/Partitions/0"


@dataclass
class Paper:
    """An outlet that writes everything down."""

    is_writable: bool = True
    peer_max_frame_bytes: int = FRAME_BYTES
    said: list[Performative] = field(default_factory=list)
    payload: bytes = b""
    transfers: list[Transfer] = field(default_factory=list)

    def send(self, performative: Performative, channel: int) -> None:  # noqa: ARG002 - Outlet's signature
        """Note a performative."""
        self.said.append(performative)

    def send_raw(self, *parts: bytes | memoryview) -> None:
        """Note a transfer and its payload."""
        reader = FrameReader(FRAME_BYTES)
        reader.feed(b"".join(parts))
        frame = reader.frame()
        assert isinstance(frame, Frame)
        value, end = decode(frame.body)
        transfer = performative_of(value)
        assert isinstance(transfer, Transfer)
        self.transfers.append(transfer)
        self.payload += frame.body[end:]

    def flush(self) -> None:
        """Everything is written already."""

    def abort(self) -> None:
        """Nobody is there."""

    def last(self, kind: type[Performative]) -> Any:
        """The last performative of a kind."""
        return [one for one in self.said if isinstance(one, kind)][-1]


class Stage:
    """A session with a reader on partition 0 of a hub."""

    def __init__(self, window: int) -> None:
        settings = Emulator().settings
        self.broker = Broker(settings)
        emulator = Emulator()
        attacher = Attacher(self.broker, TokenChecker(settings), emulator.faults, 1 << 20)
        attacher._scopes.add("")
        self.paper = Paper()
        begin = Begin(None, UInt(0), UInt(window), UInt(window))
        self.session = Session(self.paper, 0, begin, attacher, 1 << 20)
        source = Described(ULong(0x28), [PATH])
        self.session.on_attach(Attach("reader", UInt(0), role=True, source=source))

    def publish(self, body: bytes) -> None:
        """Store a message."""
        self.broker.hub("usage").publish(encode_section(DATA, body), 0, "0")

    def credit(self, credit: int, *, seen: int = 0, window: int = 1_000, **more: Any) -> None:
        """Give the reader's link credit."""
        self.session.on_flow(
            Flow(
                next_incoming_id=UInt(len(self.paper.transfers)),
                incoming_window=UInt(window),
                handle=UInt(0),
                delivery_count=UInt(seen),
                link_credit=UInt(credit),
                **more,
            )
        )

    @property
    def deliveries(self) -> int:
        """Messages that were sent to their end."""
        return sum(1 for one in self.paper.transfers if not one.more)


def test_nothing_without_credit_and_no_more_than_it() -> None:
    """A reader gets as many messages as it asked for, later ones as soon as they are there."""
    stage = Stage(window=1_000)
    for number in range(5):
        stage.publish(str(number).encode())
    assert stage.deliveries == 0
    stage.credit(2)
    assert stage.deliveries == 2
    stage.credit(2)  # said before the two were seen: still two in all
    assert stage.deliveries == 2
    stage.credit(10, seen=2)
    assert stage.deliveries == 5
    stage.publish(b"5")
    assert stage.deliveries == 6
    assert all(one.settled for one in stage.paper.transfers)


def test_a_message_of_many_frames_waits_for_the_window() -> None:
    """Its frames go out as the window allows and together are the message."""
    stage = Stage(window=3)
    body = bytes(range(256)) * 16
    stage.publish(body)
    stage.credit(10, window=3)
    assert len(stage.paper.transfers) == 3
    for _ in range(20):
        stage.session.on_flow(Flow(UInt(len(stage.paper.transfers)), UInt(2), UInt(0), UInt(100)))
    assert stage.deliveries == 1
    assert stage.paper.payload.endswith(body)
    room = FRAME_BYTES - TRANSFER_OVERHEAD_BYTES
    assert len(stage.paper.transfers) == -(-len(stage.paper.payload) // room)
    assert {one.delivery_id for one in stage.paper.transfers} == {0}


def test_a_slow_operating_system_holds_messages_back() -> None:
    """Nothing is piled up in memory; it goes on when there is room."""
    stage = Stage(window=1_000)
    stage.paper.is_writable = False
    stage.publish(b"x")
    stage.credit(10)
    assert stage.deliveries == 0
    stage.paper.is_writable = True
    stage.session.pump()
    assert stage.deliveries == 1


def test_draining_gives_the_credit_back() -> None:
    """Who drains gets what is there and hears that no credit is left."""
    stage = Stage(window=1_000)
    stage.publish(b"x")
    stage.credit(10, drain=True)
    flow = stage.paper.last(Flow)
    assert (stage.deliveries, flow.delivery_count, flow.link_credit) == (1, 10, 0)
    stage.publish(b"y")
    assert stage.deliveries == 1


def test_who_asks_for_an_echo_gets_one() -> None:
    """A flow that asks is answered with what is true here."""
    stage = Stage(window=1_000)
    stage.credit(7, echo=True)
    assert stage.paper.last(Flow).link_credit == 7
    stage.session.on_flow(Flow(UInt(0), UInt(10), UInt(0), UInt(10), echo=True))
    assert stage.paper.last(Flow).handle is None


def test_a_detached_reader_gets_nothing_more() -> None:
    """The detach is answered once, and frames that waited for it are dropped."""
    stage = Stage(window=1)
    stage.publish(b"x" * 2_000)
    stage.credit(10, window=1)
    assert len(stage.paper.transfers) == 1
    stage.session.on_detach(Detach(UInt(0), closed=True))
    stage.session.on_detach(Detach(UInt(0), closed=True))
    assert sum(isinstance(one, Detach) for one in stage.paper.said) == 1
    stage.session.on_flow(Flow(UInt(1), UInt(100), UInt(0), UInt(100)))
    stage.publish(b"y")
    assert len(stage.paper.transfers) == 1


def test_handles_are_used_once() -> None:
    """A second link on a handle breaks the protocol, and so does a transfer to a reader's end."""
    stage = Stage(window=10)
    with pytest.raises(WireError, match="in use"):
        stage.session.on_attach(Attach("other", UInt(0), role=True))
    with pytest.raises(WireError, match="only sends"):
        stage.session.on_transfer(Transfer(UInt(0)), memoryview(b""))


def _produce(stage: Stage, *frames: tuple[Transfer, bytes]) -> None:
    for transfer, payload in frames:
        stage.session.on_transfer(transfer, memoryview(payload))


def test_aborted_and_settled_sends() -> None:
    """An aborted message is forgotten; one that was sent settled gets no answer."""
    stage = Stage(window=10)
    target = Described(ULong(0x29), ["usage/Partitions/1"])
    stage.session.on_attach(
        Attach("producer", UInt(1), role=False, target=target, initial_delivery_count=UInt(0))
    )
    message = encode_section(DATA, b"whole")
    before = len(stage.paper.said)
    half = Transfer(UInt(1), UInt(0), b"0", UInt(0), settled=True, more=True)
    _produce(
        stage,
        (half, message[:4]),
        (Transfer(UInt(1), aborted=True), b""),
        (Transfer(UInt(1), UInt(1), b"1", UInt(0), settled=True), message),
    )
    stored = stage.broker.hub("usage").partitions[1].messages
    assert [one.body for one in stored] == [b"whole"]
    assert len(stage.paper.said) == before


def test_what_is_no_message_is_rejected() -> None:
    """Noise in a transfer is told to the sender, and the link lives on."""
    stage = Stage(window=10)
    target = Described(ULong(0x29), ["usage"])
    stage.session.on_attach(Attach("producer", UInt(1), role=False, target=target))
    _produce(stage, (Transfer(UInt(1), UInt(0), b"0", UInt(0)), b"noise"))
    outcome = stage.paper.said[-1]
    assert outcome.state.value[0].value[0] == Symbol("amqp:decode-error")  # type: ignore[attr-defined] # a Disposition
    _produce(stage, (Transfer(UInt(1), UInt(1), b"1", UInt(0)), encode_section(DATA, b"good")))
    assert stage.paper.said[-1].state.descriptor == 0x24  # type: ignore[attr-defined] # a Disposition
