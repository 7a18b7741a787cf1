"""The AMQP 1.0 types that Python has no type of its own for.

None, bool, float (double), str, bytes, UUID, list and dict stand for themselves, a plain int is a
`long`. Everything else is a subclass of the nearest Python type, so that a decoded value can be
compared and computed with as usual and still be encoded again as exactly what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class UByte(int):
    """0 to 255."""

    __slots__ = ()


class UShort(int):
    """0 to 2**16 - 1."""

    __slots__ = ()


class UInt(int):
    """0 to 2**32 - 1."""

    __slots__ = ()


class ULong(int):
    """0 to 2**64 - 1."""

    __slots__ = ()


class Byte(int):
    """-128 to 127."""

    __slots__ = ()


class Short(int):
    """-2**15 to 2**15 - 1."""

    __slots__ = ()


class Int(int):
    """-2**31 to 2**31 - 1."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970, UTC."""

    __slots__ = ()


class Float(float):
    """32 bits; a plain float is a double."""

    __slots__ = ()


class Char(str):
    """One Unicode character."""

    __slots__ = ()


class Symbol(str):
    """ASCII from a constrained domain: names of fields, error conditions, capabilities."""

    __slots__ = ()


class Decimal32(bytes):
    """The 4 bytes of an IEEE 754 decimal, passed through as they are."""

    __slots__ = ()


class Decimal64(bytes):
    """The 8 bytes of an IEEE 754 decimal, passed through as they are."""

    __slots__ = ()


class Decimal128(bytes):
    """The 16 bytes of an IEEE 754 decimal, passed through as they are."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that says what it means."""

    descriptor: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Array:
    """Values of one type, `code` being its constructor in the widest form."""

    code: int
    items: tuple[Any, ...]
