"""A message as a partition keeps it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from gatemeter.emulator.decode import Buffer, decode
from gatemeter.emulator.encode import encode, write
from gatemeter.emulator.sections import (
    APPLICATION_PROPERTIES,
    DATA,
    DELIVERY_ANNOTATIONS,
    HEADER,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
    VALUE,
    binary_at,
    map_at,
    sections,
)
from gatemeter.emulator.wire_types import Symbol

PARTITION_KEY: Final = Symbol("x-opt-partition-key")
SEQUENCE_NUMBER: Final = Symbol("x-opt-sequence-number")
OFFSET: Final = Symbol("x-opt-offset")
ENQUEUED_TIME: Final = Symbol("x-opt-enqueued-time")
_PLACE_KEYS: Final = frozenset((SEQUENCE_NUMBER, OFFSET, ENQUEUED_TIME))
_SEQUENCE_NUMBER_KEY: Final = encode(SEQUENCE_NUMBER)
_OFFSET_KEY: Final = encode(OFFSET)
_ENQUEUED_TIME_KEY: Final = encode(ENQUEUED_TIME)
_ANNOTATIONS_HEAD = struct.Struct(">4sII")
_LONG = struct.Struct(">Bq")
_PROPERTY_NAMES = (
    "message_id", "user_id", "to", "subject", "reply_to", "correlation_id", "content_type",
    "content_encoding", "absolute_expiry_time", "creation_time", "group_id", "group_sequence",
    "reply_to_group_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message with its place in the partition.

    `header`, `annotations` and `bare` (everything after) are the bytes readers get, with the
    delivery annotations of a single delivery between the first two.
    """

    sequence_number: int
    offset_bytes: int
    enqueued_ms: int
    header: bytes
    annotations: bytes
    bare: bytes

    @property
    def size_bytes(self) -> int:
        """Bytes on the wire, without the delivery annotations of one delivery."""
        return len(self.header) + len(self.annotations) + len(self.bare)

    @property
    def offset(self) -> str:
        """The offset as clients see it: a string whose content is the hub's affair."""
        return str(self.offset_bytes)

    @property
    def enqueued_time(self) -> datetime:
        """When it was stored, UTC."""
        return datetime.fromtimestamp(self.enqueued_ms / 1000, UTC)

    @property
    def body(self) -> bytes:
        """The data sections, joined; the encoded value for a message that has none."""
        parts = [
            bytes(binary_at(self.bare, part.value))
            if part.code == DATA
            else self.bare[part.value : part.end]
            for part in sections(self.bare)
            if part.code in {DATA, VALUE}
        ]
        return b"".join(parts)

    @property
    def partition_key(self) -> str | None:
        """The key it was sent with."""
        for section in sections(self.annotations):
            key: str | None = map_at(self.annotations, section).get(PARTITION_KEY)
            return key
        return None

    @property
    def application_properties(self) -> dict[str, Any]:
        """What the sender attached by name (`EventData.properties`)."""
        for section in sections(self.bare):
            if section.code == APPLICATION_PROPERTIES:
                return map_at(self.bare, section)
        return {}

    @property
    def properties(self) -> dict[str, Any]:
        """AMQP's own properties that were set: message_id, content_type, correlation_id, ..."""
        for section in sections(self.bare):
            if section.code == PROPERTIES:
                values = decode(self.bare, section.value)[0]
                pairs = zip(_PROPERTY_NAMES, values, strict=False)
                return {name: value for name, value in pairs if value is not None}
        return {}


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message that was sent but has no place yet."""

    header: bytes
    annotations: dict[Any, Any]
    bare: bytes

    @classmethod
    def parse(cls, message: Buffer) -> IncomingMessage:
        """Take a message apart; delivery annotations of the sender's hop are dropped.

        Raises:
            WireError: the bytes are no message.
        """
        header = b""
        annotations: dict[Any, Any] = {}
        bare: list[tuple[int, int]] = []
        for section in sections(message):
            if section.code == MESSAGE_ANNOTATIONS:
                annotations = map_at(message, section)
            elif section.code == HEADER:
                header = bytes(message[section.start : section.end])
            elif section.code == DELIVERY_ANNOTATIONS:
                continue
            elif bare and bare[-1][1] == section.start:
                bare[-1] = (bare[-1][0], section.end)
            else:
                bare.append((section.start, section.end))
        parts = [bytes(message[start:end]) for start, end in bare]
        return cls(header, annotations, parts[0] if len(parts) == 1 else b"".join(parts))

    @property
    def partition_key(self) -> str | None:
        """The key it was sent with."""
        key = self.annotations.get(PARTITION_KEY)
        return None if key is None else str(key)

    def placed(self, sequence_number: int, offset_bytes: int, enqueued_ms: int) -> StoredMessage:
        """The message with its place, its annotations encoded once for all readers."""
        annotations = bytearray()
        count = 2 * len(_PLACE_KEYS)
        for key, value in self.annotations.items():
            if key not in _PLACE_KEYS:
                write(annotations, key)
                write(annotations, value)
                count += 2
        annotations += _place(sequence_number, str(offset_bytes).encode(), enqueued_ms)
        head = _ANNOTATIONS_HEAD.pack(b"\x00\x53\x72\xd1", len(annotations) + 4, count)
        return StoredMessage(
            sequence_number, offset_bytes, enqueued_ms, self.header, head + annotations, self.bare
        )


def _place(sequence_number: int, offset: bytes, enqueued_ms: int) -> bytes:
    """The three annotations that say where a message is.

    Written by layout, not by the encoder, since it happens for every event: a long, a string of
    less than 256 bytes and a timestamp.
    """
    return b"".join((
        _SEQUENCE_NUMBER_KEY, _LONG.pack(0x81, sequence_number),
        _OFFSET_KEY, bytes((0xA1, len(offset))), offset,
        _ENQUEUED_TIME_KEY, _LONG.pack(0x83, enqueued_ms),
    ))  # fmt: skip
