"""A connection, byte by byte, with a peer that is not the SDK."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from gatemeter.emulator import Emulator, EmulatorSettings
from gatemeter.emulator.decode import decode
from gatemeter.emulator.frames import (
    AMQP_HEADER,
    SASL_HEADER,
    SASL_TYPE,
    Frame,
    FrameReader,
    frame_of,
)
from gatemeter.emulator.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    End,
    Open,
    Performative,
    SaslInit,
)
from gatemeter.emulator.wire_types import Described, Symbol, UInt, ULong


class Peer:
    """A client that says exactly what a test tells it to."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._reader = FrameReader(1 << 20)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def say(self, *parts: bytes | Performative) -> None:
        """Send bytes as they are and performatives in frames of channel 0."""
        self._socket.sendall(
            b"".join(one if isinstance(one, bytes) else frame_of(one.encode()) for one in parts)
        )

    def hear_header(self) -> bytes:
        """The next protocol header."""
        while (header := self._reader.header()) is None:
            self._more()
        return header

    def hear(self) -> tuple[int, list[Any]]:
        """The next frame, heartbeats included, as descriptor and fields; (0, []) at the end."""
        while (frame := self._reader.frame()) is None:
            if not self._more():
                return 0, []
        return _parsed(frame)

    def _more(self) -> bool:
        data = self._socket.recv(100_000)
        self._reader.feed(data)
        return bool(data)


def _parsed(frame: Frame) -> tuple[int, list[Any]]:
    if not frame.body:
        return -1, []
    value = decode(frame.body)[0]
    assert isinstance(value, Described)
    return int(value.descriptor), value.value


@pytest.fixture
def peer(emulator: Emulator) -> Iterator[Peer]:
    """A connection that has said nothing."""
    peer = Peer(emulator.port)
    yield peer
    peer.close()


def _opened(peer: Peer, opening: Open | None = None) -> list[Any]:
    peer.say(AMQP_HEADER, opening or Open(container_id="test"))
    assert peer.hear_header() == AMQP_HEADER
    descriptor, fields = peer.hear()
    assert descriptor == Open.DESCRIPTOR
    return fields


def test_sasl_and_every_field_of_every_list(peer: Peer) -> None:
    """Anonymous is offered and taken; lists come in full, since the SDK counts on it."""
    peer.say(SASL_HEADER)
    assert peer.hear_header() == SASL_HEADER
    _, offered = peer.hear()
    assert "ANONYMOUS" in offered[0].items
    peer.say(frame_of(SaslInit(Symbol("ANONYMOUS")).encode(), kind=SASL_TYPE))
    assert peer.hear()[1][0] == 0
    assert len(_opened(peer)) == 10
    peer.say(Begin(None, UInt(0), UInt(100), UInt(100)))
    assert len(peer.hear()[1]) == 8
    peer.say(End())
    assert peer.hear() == (End.DESCRIPTOR, [None])
    peer.say(Detach(UInt(3)), Close())
    assert peer.hear() == (Close.DESCRIPTOR, [None])
    assert peer.hear() == (0, [])


def test_other_sasl_mechanisms_are_refused(peer: Peer) -> None:
    """A password is not taken for a token."""
    peer.say(SASL_HEADER)
    assert peer.hear_header() == SASL_HEADER
    peer.hear()
    peer.say(frame_of(SaslInit(Symbol("PLAIN")).encode(), kind=SASL_TYPE))
    assert peer.hear()[1][0] == 1


def test_links_without_a_token_are_refused(peer: Peer) -> None:
    """The link is attached in full, so that the SDK sees it, and detached with the reason."""
    _opened(peer)
    peer.say(Begin(None, UInt(0), UInt(100), UInt(100)))
    peer.hear()
    target = Described(ULong(0x29), ["amqps://host/usage"])
    peer.say(Attach("link", UInt(0), role=False, target=target))
    descriptor, fields = peer.hear()
    assert (descriptor, len(fields)) == (Attach.DESCRIPTOR, 14)
    assert fields[5] is not None
    assert fields[6].value[0] == "amqps://host/usage"
    descriptor, (_, is_closed, error) = peer.hear()
    assert (descriptor, is_closed) == (Detach.DESCRIPTOR, True)
    assert error.value[0] == "amqp:unauthorized-access"


@pytest.mark.parametrize(
    "noise",
    [
        b"\x00\x00\x00\x04\x02\x00\x00\x00",
        b"\x7f\xff\xff\xff\x02\x00\x00\x00",
        frame_of(b"\x00\x53\x10"),
        frame_of(b"\x00" * 5_000),
        frame_of(Begin(None, UInt(0), UInt(1), UInt(1)).encode(), channel=60_000),
        frame_of(b"\x00\x53\x99\x45"),
    ],
)
def test_a_peer_that_breaks_the_protocol_is_told_and_cut_off(peer: Peer, noise: bytes) -> None:
    """The connection is closed with an error; the emulator lives on."""
    _opened(peer)
    peer.say(noise)
    descriptor, (error,) = peer.hear()
    assert descriptor == Close.DESCRIPTOR
    assert error.value[0] == "amqp:decode-error"
    assert peer.hear() == (0, [])


def test_a_frame_before_open_ends_the_connection(peer: Peer) -> None:
    """Nothing is served before the connection is opened."""
    peer.say(AMQP_HEADER, Begin(None, UInt(0), UInt(1), UInt(1)))
    assert peer.hear_header() == AMQP_HEADER
    assert peer.hear() == (0, [])


def test_frames_too_small_for_anything_are_refused(peer: Peer) -> None:
    """AMQP asks every peer for at least 512 bytes."""
    peer.say(AMQP_HEADER, Open(container_id="test", max_frame_size=UInt(30)))
    assert peer.hear_header() == AMQP_HEADER
    descriptor, (error,) = peer.hear()
    assert descriptor == Close.DESCRIPTOR
    assert "512" in error.value[1]


def test_an_unknown_protocol_is_answered_with_the_known_one(peer: Peer) -> None:
    """As AMQP wants it: the header that would be understood, then the end."""
    peer.say(b"AMQP\x00\x00\x09\x01")
    assert peer.hear_header() == AMQP_HEADER
    assert peer.hear() == (0, [])


def test_a_peer_that_waits_gets_heartbeats(peer: Peer) -> None:
    """A client that allows 200 ms of silence hears an empty frame in time."""
    _opened(peer, Open(container_id="test", idle_time_out=UInt(200)))
    assert [peer.hear(), peer.hear()] == [(-1, []), (-1, [])]


def test_a_silent_peer_is_cut_off() -> None:
    """Who says nothing for longer than the idle timeout is told so."""
    with Emulator(EmulatorSettings(idle_timeout_seconds=0.2)) as emulator:
        peer = Peer(emulator.port)
        assert _opened(peer)[4] == 200
        descriptor, (error,) = peer.hear()
        assert descriptor == Close.DESCRIPTOR
        assert error.value[0] == "amqp:connection:forced"
        assert peer.hear() == (0, [])
        peer.close()
