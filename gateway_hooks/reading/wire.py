"""Reading values that came over the wire: nothing here raises, whatever was sent.

Every reader of requests and answers takes its values through these few functions, so that what
ends up in an event always fits the event: names are short, counts are whole and not negative,
and codes are codes and never sentences.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

MAX_NAME_CHARACTERS: Final = 256
MAX_COUNT: Final = 2**53
_MAX_LENIENT_BYTES: Final = 1 << 20
_BOM: Final = b"\xef\xbb\xbf"
_CODE = re.compile(r"[\w.:/\-]{1,128}", re.ASCII)
_JSON_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)

any_json: Final = msgspec.json.Decoder()


def decode(data: bytes, decoder: msgspec.json.Decoder[T]) -> T | None:
    """The value in `data`, or None when there is none of the wanted shape.

    What strict JSON forbids but backends send anyway (NaN, half an emoji, a byte order mark, a bare
    control character) is read in a second, slower try.
    """
    try:
        return decoder.decode(data)
    except _JSON_ERRORS:
        return _decode_leniently(data, decoder)


def decode_strictly(data: bytes, decoder: msgspec.json.Decoder[T]) -> T | None:
    """The value in `data` when it is exactly what the standard allows: for what is sent on."""
    try:
        return decoder.decode(data)
    except _JSON_ERRORS:
        return None


def _decode_leniently(data: bytes, decoder: msgspec.json.Decoder[T]) -> T | None:
    text = data.removeprefix(_BOM).strip()
    if len(text) > _MAX_LENIENT_BYTES or text[:1] != b"{" or text[-1:] != b"}":
        return None
    try:
        value = json.loads(
            text.decode("utf-8", "replace"),
            strict=False,
            parse_float=_finite,
            parse_constant=lambda _: None,
        )
        clean = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return decoder.decode(clean)
    except _JSON_ERRORS:
        return None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def as_dict(value: object) -> dict[Any, Any]:
    """`value` when it is an object, else an empty one: for reading on without asking."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """`value` when it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def name(value: object) -> str | None:
    """A text that names something, cut to what an event takes; None when it is no text or empty."""
    if not isinstance(value, str) or not value:
        return None
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode()
    return value[:MAX_NAME_CHARACTERS]


def code(value: object) -> str | None:
    """An error type, error code, reason or category: one word, so that it cannot be content."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9:
        return str(value)
    if isinstance(value, str) and _CODE.fullmatch(value):
        return value
    return None


def count(value: object) -> int | None:
    """A whole number from 0 to 2**53; anything else is None, also a float or a digit string."""
    if type(value) is int and 0 <= value <= MAX_COUNT:
        return value
    return None


def seconds(value: object) -> float | None:
    """A length of time; whisper has sent it as a number and as a string."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
        return float(value)
    return None
