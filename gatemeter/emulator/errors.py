"""What can go wrong in the emulator, by what happens next.

EmulatorError              the caller is told in one line
|- WireError               the peer broke the protocol: its connection is closed
|- Refusal                 the peer may not have what it asked for: a link or message is refused
"""

from __future__ import annotations


class EmulatorError(Exception):
    """Anything the emulator raises on purpose; its message says what to do."""


class WireError(EmulatorError):
    """Bytes that are not AMQP 1.0, or not what may come now."""


class Refusal(EmulatorError):
    """A link or a message that is refused with an AMQP error condition."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description


DECODE_ERROR = "amqp:decode-error"
INVALID_FIELD = "amqp:invalid-field"
LINK_STOLEN = "amqp:link:stolen"
MESSAGE_SIZE_EXCEEDED = "amqp:link:message-size-exceeded"
NOT_ALLOWED = "amqp:not-allowed"
NOT_FOUND = "amqp:not-found"
FORCED = "amqp:connection:forced"
RESOURCE_LIMIT = "amqp:resource-limit-exceeded"
UNAUTHORIZED = "amqp:unauthorized-access"
ARGUMENT_ERROR = "com.microsoft:argument-error"
SERVER_BUSY = "com.microsoft:server-busy"
