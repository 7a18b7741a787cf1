"""Headers are read alike from every framework and library."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest
from starlette.datastructures import Headers

from gateway_hooks.reading.headers import HeadersLike, first_header, lower_headers

PAIRS = [("X-Ms-Region", "East US"), ("Retry-After", "7")]
RAW = [(name.encode(), value.encode()) for name, value in PAIRS]


@pytest.mark.parametrize(
    "headers",
    [
        dict(PAIRS),
        PAIRS,
        RAW,
        dict(RAW),
        httpx.Headers(PAIRS),
        httpx2.Headers(PAIRS),
        Headers(raw=RAW),
    ],
    ids=["dict", "pairs", "raw pairs", "raw dict", "httpx", "httpx2", "starlette"],
)
def test_every_holder_reads_alike(headers: Any) -> None:
    """Names in lower case, values as text."""
    assert lower_headers(headers) == {"x-ms-region": "East US", "retry-after": "7"}
    assert lower_headers(headers, {"retry-after"}) == {"retry-after": "7"}


def test_bytes_that_are_no_ascii_are_read_as_latin_1() -> None:
    """As HTTP says; nothing in a header can make reading fail."""
    headers: HeadersLike = [(b"X-N\xe4me", b"\xff")]
    assert lower_headers(headers) == {"x-näme": "ÿ"}


def test_what_was_read_is_not_read_again() -> None:
    """Policies hand headers on; each would pay for reading them otherwise."""
    once = lower_headers(RAW)
    assert lower_headers(once) is once


def test_the_first_header_of_a_name_is_found_in_any_case() -> None:
    """Servers hand names in lower case, frameworks in tests do not."""
    headers = [(b"Host", b"one"), (b"host", b"two")]
    assert first_header(headers, b"host") == b"one"
    assert first_header(headers, b"port") is None
