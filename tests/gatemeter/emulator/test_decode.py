"""Values survive the wire, and what is no value is an error of ours."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from azure.eventhub._pyamqp import _decode as sdk
from hypothesis import given
from hypothesis import strategies as st

from gatemeter.emulator import wire_types as wire
from gatemeter.emulator.decode import decode, skip
from gatemeter.emulator.encode import array_of, encode
from gatemeter.emulator.errors import WireError


def _integers(kind: type[int], bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return st.integers(low, high).map(kind)


CHARACTERS = st.characters(exclude_categories=["Cs"])
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "ubyte": _integers(wire.UByte, 8, signed=False),
    "ushort": _integers(wire.UShort, 16, signed=False),
    "uint": _integers(wire.UInt, 32, signed=False),
    "ulong": _integers(wire.ULong, 64, signed=False),
    "byte": _integers(wire.Byte, 8, signed=True),
    "short": _integers(wire.Short, 16, signed=True),
    "int": _integers(wire.Int, 32, signed=True),
    "long": _integers(int, 64, signed=True),
    "float": st.floats(width=32, allow_nan=False).map(wire.Float),
    "double": st.floats(allow_nan=False),
    "decimal32": st.binary(min_size=4, max_size=4).map(wire.Decimal32),
    "decimal64": st.binary(min_size=8, max_size=8).map(wire.Decimal64),
    "decimal128": st.binary(min_size=16, max_size=16).map(wire.Decimal128),
    "char": CHARACTERS.map(wire.Char),
    "timestamp": _integers(wire.Timestamp, 64, signed=True),
    "uuid": st.uuids(),
    "binary": st.binary(max_size=600),
    "string": st.text(CHARACTERS, max_size=400),
    "symbol": st.text(st.characters(codec="ascii"), max_size=300).map(wire.Symbol),
}
ANY_SCALAR = st.one_of(*SCALARS.values())
VALUES = st.recursive(
    ANY_SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(st.text(CHARACTERS, max_size=5), inner, max_size=6),
        st.builds(wire.Described, SCALARS["ulong"] | SCALARS["symbol"], inner),
    ),
    max_leaves=12,
)


def _same(left: Any, right: Any) -> bool:
    """Equal in value and in type, all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, wire.Described):
        return _same(left.descriptor, right.descriptor) and _same(left.value, right.value)
    if isinstance(left, dict):
        return list(left) == list(right) and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return bool(left == right)


@pytest.mark.parametrize("name", SCALARS)
def test_every_type_survives(name: str) -> None:
    """Each AMQP type comes back as the value and the type that it was."""

    @given(value=SCALARS[name])
    def check(value: Any) -> None:
        data = encode(value)
        decoded, end = decode(data)
        assert _same(decoded, value)
        assert end == len(data)

    check()


@given(value=VALUES, before=st.binary(max_size=3), after=st.binary(max_size=3))
def test_nested_values_survive_between_other_bytes(value: Any, before: bytes, after: bytes) -> None:
    """Lists, maps and described values too, and `skip` ends where decoding does."""
    data = encode(value)
    buffer = memoryview(before + data + after)
    decoded, end = decode(buffer, len(before))
    assert _same(decoded, value)
    assert end == len(before) + len(data) == skip(buffer, len(before))


@given(items=st.sampled_from(sorted(set(SCALARS) - {"null"})).flatmap(
    lambda name: st.lists(SCALARS[name], min_size=1, max_size=5)))  # fmt: skip
def test_arrays_survive(items: list[Any]) -> None:
    """An array of any type keeps its items."""
    decoded, _ = decode(encode(array_of(items)))
    assert _same(list(decoded.items), items)


@given(value=VALUES, cut=st.floats(0, 1, exclude_max=True))
def test_what_is_cut_off_is_an_error(value: Any, cut: float) -> None:
    """A value that ends too early is a WireError, for the decoder and for `skip`."""
    data = encode(value)[: int(len(encode(value)) * cut)]
    for read in (decode, skip):
        with pytest.raises(WireError):
            read(data, 0)


@given(data=st.binary(max_size=60))
def test_noise_is_a_value_or_our_error(data: bytes) -> None:
    """Whatever arrives, nothing but WireError is raised."""
    for read in (decode, skip):
        try:
            read(data, 0)
        except WireError:
            continue


def test_a_nest_without_a_bottom_is_an_error() -> None:
    """A peer cannot exhaust the stack."""
    with pytest.raises(WireError, match="nested"):
        decode(b"\x00" * 100_000)
    with pytest.raises(WireError, match="nested"):
        skip(b"\x00" * 100_000, 0)


def test_a_count_that_lies_is_an_error() -> None:
    """A short list cannot claim four billion items."""
    with pytest.raises(WireError, match="more items"):
        decode(b"\xd0" + struct.pack(">II", 4, 0xFFFFFFFF))


@given(value=st.recursive(
    SCALARS["string"] | SCALARS["binary"] | SCALARS["long"] | SCALARS["uuid"] | SCALARS["boolean"],
    lambda inner: st.lists(inner, max_size=5), max_leaves=8))  # fmt: skip
def test_the_sdk_reads_what_is_written(value: Any) -> None:
    """The SDK's decoder agrees; it keeps strings as bytes."""

    def as_sdk(one: Any) -> Any:
        if isinstance(one, list):
            return [as_sdk(item) for item in one]
        return one.encode() if isinstance(one, str) else one

    data = encode(value)
    rest, decoded = sdk._DECODE_BY_CONSTRUCTOR[data[0]](memoryview(data)[1:])
    assert decoded == as_sdk(value)
    assert not rest


@pytest.mark.parametrize(
    "value", [wire.UByte(256), wire.Int(1 << 31), object(), wire.Symbol("é"), 1 << 63]
)
def test_what_has_no_encoding_is_an_error(value: Any) -> None:
    """A value that does not fit its type is not sent."""
    with pytest.raises(WireError, match="cannot encode"):
        encode(value)
