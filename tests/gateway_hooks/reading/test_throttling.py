"""When to retry, what limits are left, and why a request was refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway_hooks.event import ThrottleKind
from gateway_hooks.reading.throttling import rate_limit_fields, retry_after_ms, throttle_kind

NOW = datetime(2026, 11, 21, 9, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after-ms": "1500", "retry-after": "37"}, 1500),
        ({"retry-after-ms": "0"}, 0),
        ({"retry-after-ms": "250.5"}, 250.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2000),
        ({"retry-after": "37"}, 37_000),
        ({"retry-after": " 0.25 "}, 250),
        ({"retry-after": "Sat, 21 Nov 2026 09:00:30 GMT"}, 30_000),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 +0100"}, 30_000),
        ({"retry-after": "Sat, 21 Nov 2026 09:00:30"}, 30_000),
        ({"retry-after": "Sat, 21 Nov 2026 08:00:00 GMT"}, 0),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float) -> None:
    """The exact header first, then seconds or a date; a date that has passed means now."""
    assert retry_after_ms(headers, NOW) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": ""},
        {"retry-after": "later"},
        {"retry-after": "-5"},
        {"retry-after": "nan"},
        {"retry-after": "inf"},
        {"retry-after": "1e400"},
        {"retry-after": "Sat, 99 Nov 2026 09:00:30 GMT"},
        {"retry-after": "Fri, 31 Dec 9999 23:59:59 -2359"},
        {"retry-after": "0" * 500 + "x"},
    ],
)
def test_useless_retry_after(headers: dict[str, str]) -> None:
    """A header that says nothing usable is as good as none, and raises nothing."""
    waiting = retry_after_ms(headers, NOW)
    assert waiting is None or 0 <= waiting < 2**60


def test_limits_of_all_headers() -> None:
    """Each rate limit header has its field."""
    assert dict(
        rate_limit_fields(
            {
                "x-ratelimit-limit-tokens": "30000",
                "x-ratelimit-limit-requests": "300",
                "x-ratelimit-remaining-tokens": "29211",
                "x-ratelimit-remaining-requests": " 299 ",
                "azure-openai-deployment-utilization": "87.5%",
                "x-other": "1",
            }
        )
    ) == {
        "limit_tokens": 30000,
        "limit_requests": 300,
        "remaining_tokens": 29211,
        "remaining_requests": 299,
        "utilization": 87.5,
    }


@pytest.mark.parametrize("value", ["", "-1", "1.5", "many", "9" * 30, "٣", "1,000"])
def test_useless_limits_are_left_out(value: str) -> None:
    """A limit that is no whole number is not recorded."""
    assert dict(rate_limit_fields({"x-ratelimit-remaining-tokens": value})) == {}


@pytest.mark.parametrize("value", ["", "full", "nan", "-3", "inf"])
def test_useless_utilization_is_left_out(value: str) -> None:
    """A utilization that is no number is not recorded."""
    assert dict(rate_limit_fields({"azure-openai-deployment-utilization": value})) == {}


HIGH_DEMAND = (
    "The system is currently experiencing high demand and cannot process your request. "
    "For improved capacity reliability, consider switching to Provisioned Throughput."
)
OPERATION = "Requests to the ChatCompletions_Create Operation under Azure OpenAI API have "


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (OPERATION + "exceeded token rate limit of your current AIServices S0 tier.", "token_rate"),
        (OPERATION + "exceeded call rate limit of your current OpenAI S0 tier.", "call_rate"),
        ("Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000", "token_rate"),
        ("Rate limit reached for gpt-4o on requests per min (RPM): Limit 3", "call_rate"),
        (HIGH_DEMAND, "busy"),
        ("The engine is currently overloaded, please try again later", "busy"),
        ("The rate limit of this deployment was temporarily reduced.", "busy"),
        ("Temporary adjustment of your limit", "busy"),
        ("The provisioned deployment has no free units. Retry after 3 seconds.", "capacity"),
        ("Deployment utilization is at its limit", "capacity"),
        ("Token limit is exceeded. Try again in 21 seconds.", "gateway"),
        ("Token quota is exceeded. Try again in 3 days.", "gateway"),
        ("Rate limit is exceeded. Try again in 5 seconds.", "call_rate"),
        ("No.", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_kind_by_the_text(message: str | None, kind: ThrottleKind) -> None:
    """The text of a 429 tells which limit it was."""
    assert throttle_kind(429, {}, message) == kind


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"azure-openai-deployment-utilization": "103"}, "capacity"),
        ({"x-ratelimit-remaining-tokens": "0"}, "token_rate"),
        ({"x-ratelimit-remaining-requests": "0"}, "call_rate"),
        ({"x-ratelimit-remaining-tokens": "5"}, "unknown"),
    ],
)
def test_kind_by_the_headers(headers: dict[str, str], kind: ThrottleKind) -> None:
    """Without a telling text the limits that are used up tell."""
    assert throttle_kind(429, headers, "Too many requests") == kind


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 500, 502])
def test_only_refusals_for_load_have_a_kind(status: int) -> None:
    """Other failures are no throttling, whatever their text."""
    assert throttle_kind(status, {}, "high demand") is None


def test_unavailable_counts_when_it_is_busy() -> None:
    """A 503 is throttling when the backend says so, and an outage otherwise."""
    assert throttle_kind(503, {}, "We are experiencing high demand") == "busy"
    assert throttle_kind(503, {}, "Backend pool is not available") is None
