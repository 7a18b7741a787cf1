"""The frames' bodies: the nine performatives of AMQP 1.0 and the three of SASL that are needed.

The specification lets a peer leave out trailing nulls. The Python SDK reads fields by position and
fails on a shortened list, so every list goes out in full, and what comes in is filled up.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from gatemeter.emulator.encode import encode
from gatemeter.emulator.errors import WireError
from gatemeter.emulator.wire_types import Described, Symbol, UInt, ULong, UShort


@dataclass(slots=True)
class Performative:
    """A described list of fields; a subclass names them in the order of the specification."""

    DESCRIPTOR: ClassVar[int]

    @classmethod
    def from_list(cls, values: list[Any]) -> Self:
        """Fields as they came, the missing ones None."""
        return cls(*values[: len(fields(cls))])

    def encode(self) -> bytes:
        """The whole list, trailing nulls included."""
        values = [getattr(self, field.name) for field in fields(self)]
        return encode(Described(ULong(self.DESCRIPTOR), values))


@dataclass(slots=True)
class Open(Performative):
    """The first frame each way: who, and how large frames may be."""

    DESCRIPTOR = 0x10
    container_id: str | None = None
    hostname: str | None = None
    max_frame_size: UInt | None = None
    channel_max: UShort | None = None
    idle_time_out: UInt | None = None
    outgoing_locales: Any = None
    incoming_locales: Any = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Any, Any] | None = None


@dataclass(slots=True)
class Begin(Performative):
    """A session starts on a channel."""

    DESCRIPTOR = 0x11
    remote_channel: UShort | None = None
    next_outgoing_id: UInt | None = None
    incoming_window: UInt | None = None
    outgoing_window: UInt | None = None
    handle_max: UInt | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Any, Any] | None = None


@dataclass(slots=True)
class Attach(Performative):
    """A link starts in a session. `role` is True for the receiving end."""

    DESCRIPTOR = 0x12
    name: str | None = None
    handle: UInt | None = None
    role: bool | None = None
    snd_settle_mode: Any = None
    rcv_settle_mode: Any = None
    source: Described | None = None
    target: Described | None = None
    unsettled: Any = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: UInt | None = None
    max_message_size: ULong | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Any, Any] | None = None


@dataclass(slots=True)
class Flow(Performative):
    """Windows of a session and, with a handle, the credit of a link."""

    DESCRIPTOR = 0x13
    next_incoming_id: UInt | None = None
    incoming_window: UInt | None = None
    next_outgoing_id: UInt | None = None
    outgoing_window: UInt | None = None
    handle: UInt | None = None
    delivery_count: UInt | None = None
    link_credit: UInt | None = None
    available: UInt | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: dict[Any, Any] | None = None


@dataclass(slots=True)
class Transfer(Performative):
    """A part of a message, or all of it; the payload follows the list."""

    DESCRIPTOR = 0x14
    handle: UInt | None = None
    delivery_id: UInt | None = None
    delivery_tag: bytes | None = None
    message_format: UInt | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: Any = None
    state: Any = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


@dataclass(slots=True)
class Disposition(Performative):
    """What became of deliveries."""

    DESCRIPTOR = 0x15
    role: bool | None = None
    first: UInt | None = None
    last: UInt | None = None
    settled: bool | None = None
    state: Described | None = None
    batchable: bool | None = None


@dataclass(slots=True)
class Detach(Performative):
    """A link ends."""

    DESCRIPTOR = 0x16
    handle: UInt | None = None
    closed: bool | None = None
    error: Described | None = None


@dataclass(slots=True)
class End(Performative):
    """A session ends."""

    DESCRIPTOR = 0x17
    error: Described | None = None


@dataclass(slots=True)
class Close(Performative):
    """The connection ends."""

    DESCRIPTOR = 0x18
    error: Described | None = None


@dataclass(slots=True)
class SaslMechanisms(Performative):
    """What the server offers."""

    DESCRIPTOR = 0x40
    mechanisms: Any = None


@dataclass(slots=True)
class SaslInit(Performative):
    """What the client chose."""

    DESCRIPTOR = 0x41
    mechanism: Symbol | None = None
    initial_response: bytes | None = None
    hostname: str | None = None


@dataclass(slots=True)
class SaslOutcome(Performative):
    """How it ended; 0 is good."""

    DESCRIPTOR = 0x44
    code: Any = None
    additional_data: bytes | None = None


_KINDS: dict[int, type[Performative]] = {
    kind.DESCRIPTOR: kind
    for kind in (
        Open, Begin, Attach, Flow, Transfer, Disposition, Detach, End, Close, SaslInit,
    )
}  # fmt: skip
_NAMES = {f"amqp:{kind.__name__.lower()}:list": kind for kind in _KINDS.values()}

ACCEPTED = Described(ULong(0x24), [])


def performative_of(value: object) -> Performative:
    """The performative that a decoded described list is.

    Raises:
        WireError: it is none.
    """
    if isinstance(value, Described) and isinstance(value.value, list):
        found = _KINDS.get(value.descriptor) or _NAMES.get(value.descriptor)
        if found is not None:
            return found.from_list(value.value)
    raise WireError("a frame holds no known performative")


def error_of(condition: str, description: str) -> Described:
    """An AMQP error."""
    return Described(ULong(0x1D), [Symbol(condition), description, None])


def rejected(condition: str, description: str) -> Described:
    """The outcome of a message that was not taken."""
    return Described(ULong(0x25), [error_of(condition, description)])
