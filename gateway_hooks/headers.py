"""HTTP headers from whatever holds them, as one plain dictionary with names in lower case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

HeadersLike = (
    Mapping[str, str]
    | Mapping[bytes, bytes]
    | Iterable[tuple[str, str]]
    | Iterable[tuple[bytes, bytes]]
)


def lower_headers(headers: HeadersLike) -> dict[str, str]:
    """Names in lower case; bytes are read as latin-1, as HTTP says; the last of a name wins."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return {_text(name).lower(): _text(value) for name, value in pairs}


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
