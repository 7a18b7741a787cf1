"""Requests and their answers as AMQP messages: what `$cbs` and `$management` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatemeter.emulator.decode import decode
from gatemeter.emulator.sections import (
    APPLICATION_PROPERTIES,
    PROPERTIES,
    VALUE,
    encode_section,
    map_at,
    sections,
)
from gatemeter.emulator.wire_types import Int

OK = 200
BAD_REQUEST = 400
UNAUTHORIZED_STATUS = 401
NOT_FOUND_STATUS = 404
_PROPERTY_COUNT = 13
_CORRELATION_ID = 5


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: an id for the answer, named arguments and a value."""

    message_id: Any
    arguments: dict[str, Any]
    value: Any

    @classmethod
    def parse(cls, payload: bytes) -> Request:
        """Read a request.

        Raises:
            WireError: the bytes are no message.
        """
        message_id, arguments, value = None, {}, None
        for section in sections(payload):
            if section.code == PROPERTIES:
                values, _ = decode(payload, section.value)
                message_id = values[0] if values else None
            elif section.code == APPLICATION_PROPERTIES:
                arguments = map_at(payload, section)
            elif section.code == VALUE:
                value, _ = decode(payload, section.value)
        return cls(message_id, arguments, value)

    def text(self, name: str) -> str:
        """An argument as text, empty when it was not given."""
        found = self.arguments.get(name)
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status as in HTTP, one sentence, and the value that was asked for."""

    status: int
    description: str
    value: Any = None

    def encode(self, request: Request) -> bytes:
        """The message that goes back. The SDK finds the request by the sixth property."""
        properties: list[Any] = [None] * _PROPERTY_COUNT
        properties[_CORRELATION_ID] = request.message_id
        status = {"status-code": Int(self.status), "status-description": self.description}
        return (
            encode_section(PROPERTIES, properties)
            + encode_section(APPLICATION_PROPERTIES, status)
            + encode_section(VALUE, self.value)
        )
