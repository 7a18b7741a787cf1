"""What callers are told of limits: refusals in Azure's form, and headers on every answer."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway_hooks.gateway.limits.counting import QUOTAS, WINDOW_MS
from gateway_hooks.gateway.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.gateway.limits.counting import Denial, Reason, Standing
    from gateway_hooks.gateway.refusals import Refusal

Headers = list[tuple[bytes, bytes]]

_NEVER: Final = [(b"x-should-retry", b"false")]
_UNITS: Final[dict[Reason, str]] = {
    "tokens_per_minute": "tokens per minute",
    "requests_per_minute": "requests per minute",
    "tokens_per_day": "tokens per day",
    "tokens_per_month": "tokens per month",
    "concurrent_requests": "concurrent requests",
}
_RATE_PREFIX: Final = b"x-ratelimit-"
_OWN: Final = frozenset(
    {
        b"x-gatemeter-remaining-quota-tokens",
        b"remaining-tokens",
        b"remaining-quota-tokens",
        b"consumed-tokens",
    }
)
_DATE: Final = "%Y-%m-%dT%H:%M:%SZ"


def denied(denial: Denial, standings: Sequence[Standing], wall_ns: int) -> Refusal:
    """The refusal by a limit: 429 for a rate, 403 for a quota that is used up."""
    if denial.reason in QUOTAS:
        headers = standing_headers(standings) + _retry_headers(denial.retry_ms)
        return _quota_exceeded(denial, headers, wall_ns)
    if denial.retry_ms is not None and denial.retry_ms > WINDOW_MS:
        # The last slice of the window is a little longer than a minute. Many SDKs disregard more
        # than 60 seconds, and would come back at once, again and again.
        denial = replace(denial, retry_ms=float(WINDOW_MS))
    headers = standing_headers(standings) + _retry_headers(denial.retry_ms)
    return refusal(429, "429", f"{_exceeded(denial)} {_advice(denial)}", headers)


def unreachable() -> Refusal:
    """Limits cannot be checked, and requests shall not pass unchecked."""
    message = "The gateway cannot check its limits at the moment. Please retry after 2 seconds."
    return refusal(503, "LimitsUnavailable", message, _retry_headers(2000.0))


def standing_headers(standings: Sequence[Standing], used: int | None = None) -> Headers:
    """What is left of the limits, each time of the one that is nearest.

    Args:
        standings: of all limits of the request.
        used: tokens of the request, when its answer has told them; None before.
    """
    headers: Headers = []
    tokens = _nearest([(one.tokens, one.figures.tokens_per_minute) for one in standings])
    if tokens is not None:
        headers.append((b"x-ratelimit-limit-tokens", b"%d" % tokens[1]))
        headers.append((b"x-ratelimit-remaining-tokens", b"%d" % tokens[0]))
    requests = _nearest([(one.requests, one.figures.requests_per_minute) for one in standings])
    if requests is not None:
        headers.append((b"x-ratelimit-limit-requests", b"%d" % requests[1]))
        headers.append((b"x-ratelimit-remaining-requests", b"%d" % requests[0]))
    quota = min((one.quota_tokens for one in standings if one.quota_tokens is not None), default=-1)
    if quota >= 0:
        headers.append((b"x-gatemeter-remaining-quota-tokens", b"%d" % quota))
        headers.append((b"remaining-quota-tokens", b"%d" % quota))
    if used is not None:
        headers.append((b"consumed-tokens", b"%d" % used))
    return headers


def without_others(headers: Sequence[tuple[bytes, bytes]], own: Headers) -> Headers:
    """An answer's headers without those that tell of somebody else's limits.

    A backend's rate limit is as good as none for a caller whom the gateway limits by rate: half of
    its headers beside half of ours would describe a limit that does not exist.
    """
    rated = any(name.startswith(_RATE_PREFIX) for name, _ in own)
    kept = []
    for name, value in headers:
        lowered = name.lower()
        if lowered in _OWN or (rated and lowered.startswith(_RATE_PREFIX)):
            continue
        kept.append((name, value))
    return kept


def _nearest(pairs: list[tuple[int | None, int | None]]) -> tuple[int, int] | None:
    known = [(left, limit) for left, limit in pairs if left is not None and limit is not None]
    return min(known, default=None)


def _retry_headers(wait_ms: float | None) -> Headers:
    if wait_ms is None:
        return _NEVER
    milliseconds = max(1, math.ceil(wait_ms))
    seconds = math.ceil(milliseconds / 1000)
    return [(b"retry-after", b"%d" % seconds), (b"retry-after-ms", b"%d" % milliseconds)]


def _exceeded(denial: Denial) -> str:
    allowed = {
        "tokens_per_minute": denial.figures.tokens_per_minute,
        "requests_per_minute": denial.figures.requests_per_minute,
        "concurrent_requests": denial.figures.concurrent_requests,
    }.get(denial.reason)
    return (
        f"Requests have exceeded the gateway's limit {denial.figures.name}"
        f" of {allowed} {_UNITS[denial.reason]}."
    )


def _advice(denial: Denial) -> str:
    if denial.retry_ms is None:
        return (
            "This request alone asks for more: shorten its prompt or lower its max_tokens;"
            " retrying does not help."
        )
    seconds = max(1, math.ceil(denial.retry_ms / 1000))
    return f"Please retry after {seconds} seconds."


def _quota_exceeded(denial: Denial, headers: Headers, wall_ns: int) -> Refusal:
    quota = next(one for one in denial.figures.quotas if one.reason == denial.reason)
    message = (
        f"The gateway's quota {denial.figures.name} of {quota.tokens} {_UNITS[denial.reason]}"
        " does not allow this request."
    )
    if denial.retry_ms is None:
        return refusal(403, "QuotaExceeded", f"{message} {_advice(denial)}", headers)
    # The wait was counted in whole milliseconds; midnight is no fraction of a second.
    renews = datetime.fromtimestamp(round(wall_ns / 1e9 + denial.retry_ms / 1000), UTC)
    text = renews.strftime(_DATE)
    return refusal(403, "QuotaExceeded", f"{message} It renews at {text}.", headers, renews_at=text)
