"""An encoded message as a row of sections, found by reading their headers only.

A body of a megabyte is never decoded here: its bytes are stored as they came and sent on as they
are.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gatemeter.emulator.decode import Buffer, decode, skip
from gatemeter.emulator.encode import encode
from gatemeter.emulator.errors import WireError
from gatemeter.emulator.wire_types import Described, ULong

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER: Final = 0x70
DELIVERY_ANNOTATIONS: Final = 0x71
MESSAGE_ANNOTATIONS: Final = 0x72
PROPERTIES: Final = 0x73
APPLICATION_PROPERTIES: Final = 0x74
DATA: Final = 0x75
VALUE: Final = 0x77
_LAST: Final = 0x78

BATCH_FORMAT: Final = 0x80013700

_SMALL_ULONG = 0x53
_BINARY_SHORT = 0xA0
_BINARY_LONG = 0xB0
_UINT32 = struct.Struct(">I")
_NAMES = {
    "amqp:header:list": HEADER,
    "amqp:delivery-annotations:map": DELIVERY_ANNOTATIONS,
    "amqp:message-annotations:map": MESSAGE_ANNOTATIONS,
    "amqp:properties:list": PROPERTIES,
    "amqp:application-properties:map": APPLICATION_PROPERTIES,
    "amqp:data:binary": DATA,
    "amqp:amqp-sequence:list": 0x76,
    "amqp:amqp-value:*": VALUE,
    "amqp:footer:map": _LAST,
}


class Section(NamedTuple):
    """One section: what it is, where it starts, where its value starts and where it ends."""

    code: int
    start: int
    value: int
    end: int


def sections(message: Buffer) -> Iterator[Section]:
    """The sections of a message, in the order they stand there.

    Raises:
        WireError: the bytes are no message.
    """
    position = 0
    length = len(message)
    while position < length:
        if length - position > 2 and message[position + 1] == _SMALL_ULONG:  # noqa: PLR2004 - the two bytes just looked at
            code, value = message[position + 2], position + 3
        else:
            descriptor, value = decode(message, position + 1)
            code = _NAMES.get(descriptor, descriptor)
        if message[position] != 0 or not isinstance(code, int) or not HEADER <= code <= _LAST:
            raise WireError("a message holds something that is no section")
        end = skip(message, value)
        yield Section(code, position, value, end)
        position = end


def binary_at(message: Buffer, position: int) -> Buffer:
    """The content of the binary value that starts at a position, without a copy of a view.

    Raises:
        WireError: it is no binary value.
    """
    code = message[position]
    if code == _BINARY_LONG:
        start = position + 5
        return message[start : start + _UINT32.unpack_from(message, position + 1)[0]]
    if code == _BINARY_SHORT:
        return message[position + 2 : position + 2 + message[position + 1]]
    raise WireError("a data section holds something that is not binary")


def messages_of(payload: bytes, message_format: int) -> tuple[list[Buffer], dict[Any, Any]]:
    """The messages of a transfer and the annotations of its envelope.

    A batch is a message whose data sections are messages; anything else is its own only message.

    Raises:
        WireError: the payload is no message.
    """
    if message_format != BATCH_FORMAT:
        return [payload], {}
    view = memoryview(payload)
    inner: list[Buffer] = []
    annotations: dict[Any, Any] = {}
    for section in sections(view):
        if section.code == DATA:
            inner.append(binary_at(view, section.value))
        elif section.code == MESSAGE_ANNOTATIONS:
            annotations = map_at(view, section)
    return inner, annotations


def map_at(message: Buffer, section: Section) -> dict[Any, Any]:
    """The decoded value of a section that is a map.

    Raises:
        WireError: it is none.
    """
    value, _ = decode(message, section.value)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WireError("annotations and application properties are maps")
    return value


def encode_section(code: int, value: Any) -> bytes:  # noqa: ANN401 - any AMQP value
    """One section, with its value."""
    return encode(Described(ULong(code), value))
