"""What an answer's headers and error text say about limits: when to come back, and why."""

from __future__ import annotations

import math
import re
from datetime import UTC
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gateway_hooks.event import Attempt, ThrottleKind

TOO_MANY_REQUESTS: Final = 429
SERVICE_UNAVAILABLE: Final = 503
_MAX: Final = 2**53
_MAX_DIGITS: Final = 15
"""Of a count; more than this is no limit that a deployment has, and 2**53 has one more."""


_COUNTS: Final = {
    "limit_tokens": "x-ratelimit-limit-tokens",
    "limit_requests": "x-ratelimit-limit-requests",
    "remaining_tokens": "x-ratelimit-remaining-tokens",
    "remaining_requests": "x-ratelimit-remaining-requests",
}
_UTILIZATION: Final = "azure-openai-deployment-utilization"
_FULL_PERCENT: Final = 100

# What the texts of 429s have in common, most telling first: the text of a busy system goes on to
# advertise provisioned throughput, so "busy" is asked before "provisioned".
_KINDS: Final[tuple[tuple[ThrottleKind, re.Pattern[str]], ...]] = (
    ("gateway", re.compile(r"\btoken (limit|quota) is exceeded|out of call volume quota")),
    (
        "busy",
        re.compile(
            r"high demand|peak load|overload|at capacity|over capacity|no capacity|server is busy"
            r"|temporar\w+ (\w+ ){0,4}(adjust|reduc|lower|limit|unable|unavail)"
            r"|(adjust|reduc|lower)\w* temporarily"
        ),
    ),
    ("capacity", re.compile(r"provisioned|\bptus?\b|utili[sz]ation")),
    ("token_rate", re.compile(r"token rate|tokens? per (min|10|day)|\btpm\b")),
    ("call_rate", re.compile(r"(call|request) rate|requests? per|\brpm\b|rate limit is exceeded")),
)


def rate_limit_fields(headers: Mapping[str, str]) -> Attempt:
    """The limits that an answer's headers (names in lower case) tell.

    Only those fields of an attempt: made for `attempt.update(...)`.
    """
    fields: dict[str, object] = {}
    for field, header in _COUNTS.items():
        value = headers.get(header)
        if value is not None:
            number = _count(value)
            if number is not None:
                fields[field] = number
    utilization = headers.get(_UTILIZATION)
    if utilization is not None:
        percent = _number(utilization.strip().removesuffix("%"))
        if percent is not None:
            fields["utilization"] = percent
    return cast("Attempt", fields)


def _count(text: str) -> int | None:
    if not text.isdigit():
        text = text.strip()
    return int(text) if text.isdigit() and text.isascii() and len(text) <= _MAX_DIGITS else None


def retry_after_ms(headers: Mapping[str, str], now: datetime) -> float | None:
    """Milliseconds until a retry is welcome: `retry-after-ms`, else `Retry-After`, else None.

    Args:
        headers: names in lower case.
        now: aware, for a `Retry-After` that is a date.
    """
    exact = _number(headers.get("retry-after-ms", ""))
    if exact is not None:
        return exact
    text = headers.get("retry-after", "")
    in_seconds = _number(text)
    if in_seconds is not None:
        return in_seconds * 1000
    return _milliseconds_until(text, now)


def _number(text: str) -> float | None:
    """A finite number that is not negative."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number <= _MAX else None


def _milliseconds_until(text: str, now: datetime) -> float | None:
    from email.utils import parsedate_to_datetime  # a tenth of the hooks' import time

    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(0.0, (when - now).total_seconds() * 1000)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def throttle_kind(
    status: int, headers: Mapping[str, str], body_message: str | None
) -> ThrottleKind | None:
    """Why a request was refused for load; None when it was not.

    Args:
        status: the answer's status code; a 503 counts only when its text says it is busy.
        headers: names in lower case.
        body_message: the error's text, or None; read here and not kept.
    """
    if status not in {TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE}:
        return None
    text = (body_message or "")[:4096].lower()
    said = next((kind for kind, pattern in _KINDS if pattern.search(text)), None)
    if status == SERVICE_UNAVAILABLE:
        return said if said == "busy" else None
    return said or _kind_by_headers(rate_limit_fields(headers))


def _kind_by_headers(limits: Attempt) -> ThrottleKind:
    if limits.get("utilization", 0) >= _FULL_PERCENT:
        return "capacity"
    if limits.get("remaining_tokens") == 0:
        return "token_rate"
    if limits.get("remaining_requests") == 0:
        return "call_rate"
    return "unknown"
