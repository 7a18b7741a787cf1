"""What an answer's headers and error text say about limits: when to come back, and why."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, cast

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gateway_hooks.event import ThrottleKind

_MAX_COUNT: Final = 2**53


class RateLimits(TypedDict, total=False):
    """The fields of an event's attempt that come from headers; an attempt can `update` from it."""

    limit_tokens: int
    limit_requests: int
    remaining_tokens: int
    remaining_requests: int
    utilization: float


_COUNTS: Final = {
    "limit_tokens": "x-ratelimit-limit-tokens",
    "limit_requests": "x-ratelimit-limit-requests",
    "remaining_tokens": "x-ratelimit-remaining-tokens",
    "remaining_requests": "x-ratelimit-remaining-requests",
}
_UTILIZATION: Final = "azure-openai-deployment-utilization"


def rate_limit_fields(headers: Mapping[str, str]) -> RateLimits:
    """The limits that an answer's headers (names in lower case) tell."""
    fields: dict[str, float] = {}
    for field, header in _COUNTS.items():
        value = headers.get(header, "").strip()
        if value.isascii() and value.isdigit() and len(value) < 17 and int(value) <= _MAX_COUNT:
            fields[field] = int(value)
    utilization = _number(headers.get(_UTILIZATION, "").strip().removesuffix("%"))
    if utilization is not None:
        fields["utilization"] = utilization
    return cast("RateLimits", fields)


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
    return number if math.isfinite(number) and 0 <= number <= _MAX_COUNT else None


def _milliseconds_until(text: str, now: datetime) -> float | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds() * 1000)


def throttle_kind(
    status: int, headers: Mapping[str, str], body_message: str | None
) -> ThrottleKind | None:
    """Why a request was refused for load; None when it was not.

    Args:
        status: the answer's status code.
        headers: names in lower case.
        body_message: the error's text, or None; read here and not kept.
    """
    return "unknown" if status == 429 else None
