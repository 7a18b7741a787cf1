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


def lower_headers(headers: HeadersLike, wanted: Container[object] = _EVERYTHING) -> dict[str, str]:
    """Names in lower case; bytes are read as latin-1, as HTTP says; the last of a name wins.

    Args:
        headers: a mapping or pairs, of text or bytes.
        wanted: names in lower case; others are left out, which saves time.
    """
    # httpx keeps what came over the wire as `raw`, which is read much faster than its mapping.
    pairs: Any = getattr(headers, "raw", None)
    if not isinstance(pairs, list):
        pairs = headers.items() if isinstance(headers, Mapping) else headers
    found: dict[str, str] = {}
    for name, value in pairs:
        text = _lower_cached(name) if len(name) <= _LONGEST_CACHED_NAME else _lower(name)
        if text in wanted:
            found[text] = value.decode("latin-1") if isinstance(value, bytes) else value
    return found


def _lower(name: str | bytes) -> str:
    return (name.decode("latin-1") if isinstance(name, bytes) else name).lower()


_lower_cached = functools.lru_cache(maxsize=1024)(_lower)
"""Header names are the same from request to request."""


def whole_number(text: str | None) -> int | None:
    """A header's value as a number: decimal digits only, and not more than a length can have."""
    if text is None or len(text) > _LONGEST_NUMBER or not text.isdecimal():
        return None
    return int(text)
