"""AMQP 1.0 bytes to Python values, and to the end of a value without decoding it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from gatemeter.emulator.errors import WireError
from gatemeter.emulator.wire_types import (
    Array,
    Byte,
    Char,
    Decimal32,
    Decimal64,
    Decimal128,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

Buffer = bytes | bytearray | memoryview
_Reader = Callable[[Buffer, int], tuple[Any, int]]

_UINT32 = struct.Struct(">I")
_DESCRIBED = 0x00
_ARRAY = 0xF0
# The upper half of a constructor says how long its value is: fixed widths ...
_FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
# ... or a length of one or four bytes in front.
_LENGTH_OF_ONE = {0xA, 0xC, 0xE}
_LENGTH_OF_FOUR = {0xB, 0xD, 0xF}


def _constant(value: Any) -> _Reader:  # noqa: ANN401 - any AMQP value
    return lambda _buffer, position: (value, position)


def _number(layout: str, kind: Callable[[Any], Any]) -> _Reader:
    packed = struct.Struct(layout)

    def read(buffer: Buffer, position: int) -> tuple[Any, int]:
        return kind(packed.unpack_from(buffer, position)[0]), position + packed.size

    return read


def _raw(width: int, kind: Callable[[bytes], Any]) -> _Reader:
    def read(buffer: Buffer, position: int) -> tuple[Any, int]:
        end = _within(buffer, position + width)
        return kind(bytes(buffer[position:end])), end

    return read


def _within(buffer: Buffer, end: int) -> int:
    if end > len(buffer):
        raise WireError("a value is longer than what was sent")
    return end


def _variable(convert: Callable[[bytes], Any], *, wide: bool) -> _Reader:
    def read(buffer: Buffer, position: int) -> tuple[Any, int]:
        start, end, _ = _extent(buffer, position, wide=wide)
        return convert(bytes(buffer[start:end])), end

    return read


def _extent(buffer: Buffer, position: int, *, wide: bool) -> tuple[int, int, int]:
    """Start and end of what follows a length, and the width of that length."""
    width = 4 if wide else 1
    size = _UINT32.unpack_from(buffer, position)[0] if wide else buffer[position]
    start = position + width
    return start, _within(buffer, start + size), width


def _counted(buffer: Buffer, position: int, *, wide: bool) -> tuple[int, int, int]:
    """Count, start and end of the items of a list, map or array."""
    start, end, width = _extent(buffer, position, wide=wide)
    count = _UINT32.unpack_from(buffer, start)[0] if wide else buffer[start]
    if count > end - start:
        # Arrays of nothing-wide items are the only exception, and nobody sends them.
        raise WireError("a compound value claims more items than it has bytes")
    return count, start + width, end


def _list(*, wide: bool) -> _Reader:
    def read(buffer: Buffer, position: int) -> tuple[list[Any], int]:
        count, position, end = _counted(buffer, position, wide=wide)
        items = []
        for _ in range(count):
            item, position = _read(buffer, position)
            items.append(item)
        return items, end

    return read


def _map(*, wide: bool) -> _Reader:
    def read(buffer: Buffer, position: int) -> tuple[dict[Any, Any], int]:
        count, position, end = _counted(buffer, position, wide=wide)
        pairs = {}
        for _ in range(count // 2):
            key, position = _read(buffer, position)
            pairs[key], position = _read(buffer, position)
        return pairs, end

    return read


def _array(*, wide: bool) -> _Reader:
    def read(buffer: Buffer, position: int) -> tuple[Array, int]:
        count, position, end = _counted(buffer, position, wide=wide)
        code = buffer[position]
        reader, position = _READERS[code], position + 1
        items = []
        for _ in range(count):
            item, position = reader(buffer, position)
            items.append(item)
        return Array(_WIDEST.get(code, code), tuple(items)), end

    return read


def _described(buffer: Buffer, position: int) -> tuple[Described, int]:
    descriptor, position = _read(buffer, position)
    value, position = _read(buffer, position)
    return Described(descriptor, value), position


def _text(data: bytes) -> str:
    return data.decode()


def _symbol(data: bytes) -> Symbol:
    return Symbol(data.decode("ascii"))


def _uuid(data: bytes) -> UUID:
    return UUID(bytes=data)


def _char(code_point: int) -> Char:
    return Char(chr(code_point))


_READERS: dict[int, _Reader] = {
    0x00: _described,
    0x40: _constant(None),
    0x41: _constant(True),  # noqa: FBT003 - the value itself, not a switch
    0x42: _constant(False),  # noqa: FBT003 - the value itself, not a switch
    0x43: _constant(UInt(0)),
    0x44: _constant(ULong(0)),
    0x45: lambda _buffer, position: ([], position),
    0x50: _number(">B", UByte),
    0x51: _number(">b", Byte),
    0x52: _number(">B", UInt),
    0x53: _number(">B", ULong),
    0x54: _number(">b", Int),
    0x55: _number(">b", int),
    0x56: _number(">B", bool),
    0x60: _number(">H", UShort),
    0x61: _number(">h", Short),
    0x70: _number(">I", UInt),
    0x71: _number(">i", Int),
    0x72: _number(">f", Float),
    0x73: _number(">I", _char),
    0x74: _raw(4, Decimal32),
    0x80: _number(">Q", ULong),
    0x81: _number(">q", int),
    0x82: _number(">d", float),
    0x83: _number(">q", Timestamp),
    0x84: _raw(8, Decimal64),
    0x94: _raw(16, Decimal128),
    0x98: _raw(16, _uuid),
    0xA0: _variable(bytes, wide=False),
    0xA1: _variable(_text, wide=False),
    0xA3: _variable(_symbol, wide=False),
    0xB0: _variable(bytes, wide=True),
    0xB1: _variable(_text, wide=True),
    0xB3: _variable(_symbol, wide=True),
    0xC0: _list(wide=False),
    0xC1: _map(wide=False),
    0xD0: _list(wide=True),
    0xD1: _map(wide=True),
    0xE0: _array(wide=False),
    0xF0: _array(wide=True),
}
# An array may be written with a short constructor; it is kept as the wide one of the same type.
_WIDEST = {
    0x52: 0x70, 0x53: 0x80, 0x54: 0x71, 0x55: 0x81, 0x43: 0x70, 0x44: 0x80, 0x45: 0xD0,
    0xA0: 0xB0, 0xA1: 0xB1, 0xA3: 0xB3, 0xC0: 0xD0, 0xC1: 0xD1, 0xE0: _ARRAY,
    0x41: 0x56, 0x42: 0x56,
}  # fmt: skip


def _read(buffer: Buffer, position: int) -> tuple[Any, int]:
    return _READERS[buffer[position]](buffer, position + 1)


def decode(buffer: Buffer, position: int = 0) -> tuple[Any, int]:
    """The value that starts at a position, and the position after it.

    Raises:
        WireError: the bytes are no AMQP value.
    """
    try:
        return _read(buffer, position)
    except (LookupError, struct.error, ValueError, TypeError, OverflowError) as error:
        raise WireError(f"not an AMQP value: {type(error).__name__}: {error}") from error
    except RecursionError:
        raise WireError("an AMQP value is nested too deeply") from None


def skip(buffer: Buffer, position: int) -> int:
    """The position after the value that starts at a position, without decoding it.

    Raises:
        WireError: the bytes are no AMQP value.
    """
    try:
        code = buffer[position]
        position += 1
        if code == _DESCRIBED:
            return skip(buffer, skip(buffer, position))
        kind = code >> 4
        if kind in _FIXED_WIDTHS:
            return _within(buffer, position + _FIXED_WIDTHS[kind])
        if kind in _LENGTH_OF_FOUR:
            return _extent(buffer, position, wide=True)[1]
        if kind in _LENGTH_OF_ONE:
            return _extent(buffer, position, wide=False)[1]
    except (IndexError, struct.error) as error:
        raise WireError("a value ends before it is complete") from error
    except RecursionError:
        raise WireError("an AMQP value is nested too deeply") from None
    raise WireError(f"0x{code:02x} is no AMQP type")
