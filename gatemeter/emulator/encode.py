"""Python values to AMQP 1.0 bytes."""

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

_NULL = 0x40
_TRUE = 0x41
_FALSE = 0x42
_SMALL = 0xFF
_UINT32 = struct.Struct(">I")

_Payload = Callable[[Any], bytes]


def _sized(data: bytes) -> bytes:
    return _UINT32.pack(len(data)) + data


def _text(value: str) -> bytes:
    return _sized(value.encode())


def _symbol(value: str) -> bytes:
    return _sized(value.encode("ascii"))


def _char(value: str) -> bytes:
    return _UINT32.pack(ord(value))


def _list(items: list[Any]) -> bytes:
    body = bytearray(_UINT32.pack(len(items)))
    for item in items:
        write(body, item)
    return _sized(bytes(body))


def _map(pairs: dict[Any, Any]) -> bytes:
    body = bytearray(_UINT32.pack(2 * len(pairs)))
    for key, value in pairs.items():
        write(body, key)
        write(body, value)
    return _sized(bytes(body))


def _array(array: Array) -> bytes:
    payload = _PAYLOADS[array.code]
    body = _UINT32.pack(len(array.items)) + bytes([array.code])
    return _sized(body + b"".join(payload(item) for item in array.items))


def _pack(layout: str) -> _Payload:
    return struct.Struct(layout).pack


def _boolean(value: bool) -> bytes:  # noqa: FBT001 - the value itself, not a switch
    return b"\x01" if value else b"\x00"


# The widest constructor of each type: the only form arrays can use, and always a correct one.
_WIDE: dict[type, tuple[int, _Payload]] = {
    bool: (0x56, _boolean),
    UByte: (0x50, _pack(">B")),
    UShort: (0x60, _pack(">H")),
    UInt: (0x70, _pack(">I")),
    ULong: (0x80, _pack(">Q")),
    Byte: (0x51, _pack(">b")),
    Short: (0x61, _pack(">h")),
    Int: (0x71, _pack(">i")),
    int: (0x81, _pack(">q")),
    Float: (0x72, _pack(">f")),
    float: (0x82, _pack(">d")),
    Decimal32: (0x74, bytes),
    Decimal64: (0x84, bytes),
    Decimal128: (0x94, bytes),
    Char: (0x73, _char),
    Timestamp: (0x83, _pack(">q")),
    UUID: (0x98, lambda value: value.bytes),
    bytes: (0xB0, _sized),
    str: (0xB1, _text),
    Symbol: (0xB3, _symbol),
    list: (0xD0, _list),
    dict: (0xD1, _map),
    Array: (0xF0, _array),
}
_PAYLOADS: dict[int, _Payload] = dict(_WIDE.values())


def array_of(items: list[Any]) -> Array:
    """An array of values that all have the type of the first one."""
    return Array(_WIDE[type(items[0])][0], tuple(items))


def write(out: bytearray, value: Any) -> None:  # noqa: ANN401 - any AMQP value
    """Append one value, in the short form where that is common.

    Raises:
        WireError: the value has no AMQP type or does not fit its type.
    """
    kind = type(value)
    if value is None:
        out.append(_NULL)
    elif kind is bool:
        out.append(_TRUE if value else _FALSE)
    elif kind is Described:
        out.append(0x00)
        write(out, value.descriptor)
        write(out, value.value)
    else:
        try:
            if not _write_short(out, kind, value):
                code, payload = _WIDE[kind]
                out += bytes((code,)) + payload(value)
        except (KeyError, struct.error, ValueError, TypeError) as error:
            raise WireError(f"cannot encode a {kind.__name__}: {error}") from error


def _write_short(out: bytearray, kind: type, value: Any) -> bool:  # noqa: ANN401 - any AMQP value
    """Append in the one-byte form when there is one; tell whether it was done."""
    if kind is ULong and 0 <= value <= _SMALL:
        out += bytes((0x53, value)) if value else b"\x44"
    elif kind is UInt and 0 <= value <= _SMALL:
        out += bytes((0x52, value)) if value else b"\x43"
    elif kind is list and not value:
        out.append(0x45)
    elif kind in _SHORT_VARIABLE and len(value) <= _SMALL:
        code, encoding = _SHORT_VARIABLE[kind]
        data = value.encode(encoding) if encoding else value
        if len(data) > _SMALL:
            return False
        out += bytes((code, len(data)))
        out += data
    else:
        return False
    return True


_SHORT_VARIABLE = {str: (0xA1, "utf-8"), Symbol: (0xA3, "ascii"), bytes: (0xA0, "")}


def encode(value: Any) -> bytes:  # noqa: ANN401 - any AMQP value
    """One value as bytes.

    Raises:
        WireError: the value has no AMQP type or does not fit its type.
    """
    out = bytearray()
    write(out, value)
    return bytes(out)
