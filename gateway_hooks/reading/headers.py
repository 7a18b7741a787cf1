"""HTTP headers from whatever holds them, as one plain dictionary with names in lower case."""

from __future__ import annotations

import functools
from collections.abc import Container, Iterable, Mapping
from typing import Any

HeadersLike = (
    Mapping[str, str]
    | Mapping[bytes, bytes]
    | Iterable[tuple[str, str]]
    | Iterable[tuple[bytes, bytes]]
)

_LONGEST_NUMBER = 18
_LONGEST_CACHED_NAME = 64


class _Everything:
    """Wants every header."""

    def __contains__(self, name: object) -> bool:
        return True


_EVERYTHING = _Everything()


class LowerHeaders(dict[str, str]):
    """Headers that `lower_headers` has read already."""


def lower_headers(headers: HeadersLike, wanted: Container[object] = _EVERYTHING) -> LowerHeaders:
    """Names in lower case; bytes are read as latin-1, as HTTP says; the last of a name wins.

    Args:
        headers: a mapping or pairs, of text or bytes; what was read before comes back as it is.
        wanted: names in lower case; others are left out, which saves time.
    """
    if isinstance(headers, LowerHeaders):
        return headers
    pairs: Any = headers
    if not isinstance(headers, list):
        # httpx keeps what came over the wire as `raw`, which is read much faster than its mapping.
        pairs = getattr(headers, "raw", None)
        if not isinstance(pairs, list):
            pairs = headers.items() if isinstance(headers, Mapping) else headers
    found = LowerHeaders()
    for name, value in pairs:
        text = _lower_cached(name) if len(name) <= _LONGEST_CACHED_NAME else _lower(name)
        if text in wanted:
            found[text] = value.decode("latin-1") if isinstance(value, bytes) else value
    return found


def _lower(name: str | bytes) -> str:
    return (name.decode("latin-1") if isinstance(name, bytes) else name).lower()


_lower_cached = functools.lru_cache(maxsize=1024)(_lower)
"""Header names are the same from request to request."""


def first_header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    """The first value of a name, which is given in lower case."""
    length = len(wanted)
    for name, value in headers:
        if len(name) == length and name.lower() == wanted:
            return value
    return None


def whole_number(text: str | None) -> int | None:
    """A header's value as a number: decimal digits only, and not more than a length can have."""
    if text is None or len(text) > _LONGEST_NUMBER or not text.isdecimal():
        return None
    return int(text)
