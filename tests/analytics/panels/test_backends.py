"""The throttling panels' questions, answered from rollups and from events."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analytics.panels import (
    Selection,
    latency_over_time,
    latency_table,
    outcomes_over_time,
    traffic_over_time,
    traffic_table,
)
from tests.analytics.samples import MORNING, attempt, event

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from analytics.store import Store

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SINCE = MORNING.replace(minute=0)

WAYS = pytest.mark.parametrize("from_events", [False, True], ids=["rollups", "events"])


def selection(*, from_events: bool, **parts: Any) -> Selection:
    """The two hours from nine o'clock."""
    return Selection(SINCE, SINCE + 2 * HOUR, from_events=from_events, **parts)


def failed_over(number: int, minute: int) -> dict[str, Any]:
    """A request that one backend throttled and another served."""
    return event(
        number,
        at=SINCE + minute * MINUTE,
        attempts=[
            attempt(
                backend="sweden",
                status_code=429,
                throttle="token_rate",
                retry_after_ms=2000.0,
                remaining_tokens=0,
                duration_ms=20.0,
            ),
            attempt(backend="france", offset_ms=25.0, duration_ms=700.0, remaining_tokens=5000),
        ],
    )


def rows(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """A frame's rows by series."""
    return {row["series"]: row for row in frame.iter_rows(named=True)}


@WAYS
def test_each_backend_answers_for_its_own_calls(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """The 429 stays with the backend that sent it, the retry with the one that took over."""
    add(failed_over(1, 10), failed_over(2, 10), failed_over(3, 40), event(4, at=SINCE))
    table = rows(traffic_table(store, selection(from_events=from_events)))
    sweden, france = table["sweden"], table["france"]
    assert (sweden["attempts"], sweden["throttled_attempts"], sweden["retries"]) == (4, 3, 0)
    assert (france["attempts"], france["throttled_attempts"], france["retries"]) == (3, 0, 3)
    assert sweden["throttled_minutes"] == 2
    assert (sweden["retry_after_count"], sweden["retry_after_ms_sum"]) == (3, 6000.0)
    assert (sweden["min_remaining_tokens"], france["min_remaining_tokens"]) == (0, 5000)
    assert (sweden["requests"], france["requests"]) == (1, 3)


@WAYS
def test_kinds_of_429_are_kept_apart(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """A 429 that does not say what it is counts as unknown; the gateway's own stand apart."""
    kinds = ("token_rate", "call_rate", "busy", "capacity", "unknown", None)
    calls = [attempt(status_code=429, throttle=kind) for kind in kinds]
    add(
        event(1, at=SINCE, attempts=calls, status_code=429, throttled_by="backend"),
        event(2, at=SINCE, attempts=[], status_code=429, throttled_by="gateway"),
    )
    bucket = traffic_over_time(
        store, selection(from_events=from_events), width=HOUR, by="operation"
    ).row(0, named=True)
    counts = [bucket[kind] for kind in ("token_rate", "call_rate", "busy", "capacity")]
    assert counts == [1, 1, 1, 1]
    assert (bucket["unknown"], bucket["gateway"]) == (2, 1)


@WAYS
def test_a_minute_counts_once_however_many_callers_it_hit(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """Two teams throttled in one minute are one throttled minute of the backend."""
    add(
        failed_over(1, 10) | {"team": "red"},
        failed_over(2, 10) | {"team": "blue"},
        failed_over(3, 70) | {"team": "blue"},
    )
    hours = traffic_over_time(store, selection(from_events=from_events), width=HOUR)
    minutes = [
        row["throttled_minutes"] for row in hours.iter_rows(named=True) if row["series"] == "sweden"
    ]
    assert minutes == [1, 1]
    red = traffic_table(store, selection(from_events=from_events, teams=("red",)))
    assert rows(red)["sweden"]["throttled_minutes"] == 1


def test_short_spans_are_answered_by_the_minute(store: Store, add: Callable[..., None]) -> None:
    """The last hour shows in which minute it began."""
    add(failed_over(1, 10), failed_over(2, 12))
    span = selection(from_events=True, backends=("sweden",))
    over_time = traffic_over_time(store, span, width=MINUTE)
    throttled = over_time.filter(over_time["throttled_attempts"] > 0)
    assert [moment.minute for moment in throttled["bucket"]] == [10, 12]


@WAYS
def test_percentiles_are_those_of_the_answers(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """p50 and p99 are right to one percent; what failed or was abandoned has no latency."""
    add(
        *(event(number, duration_ms=float(number * 10)) for number in range(1, 101)),
        event(200, duration_ms=90_000.0, status_code=500),
        event(201, duration_ms=90_000.0, client_disconnected=True),
    )
    row = latency_table(store, selection(from_events=from_events)).row(0, named=True)
    assert (row["series"], row["measure"], row["requests"]) == ("sweden", "duration", 100)
    for name, expected in (("p50", 500.0), ("p95", 950.0), ("p99", 990.0)):
        assert row[name] == pytest.approx(expected, rel=0.02)


@WAYS
def test_the_first_chunk_is_measured_apart(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """Streams have two times: to the first chunk and to the end."""
    add(event(1, duration_ms=2000.0, time_to_first_chunk_ms=300.0, stream=True))
    measured = latency_over_time(store, selection(from_events=from_events), width=HOUR)
    times = {row["measure"]: row["p50"] for row in measured.iter_rows(named=True)}
    assert times["duration"] == pytest.approx(2000.0, rel=0.01)
    assert times["time_to_first_chunk"] == pytest.approx(300.0, rel=0.01)


def test_a_team_sees_its_own_latency(store: Store, add: Callable[..., None]) -> None:
    """Histograms do not know teams, so the events answer, and nobody else's times are mixed in."""
    add(event(1, team="red", duration_ms=100.0), event(2, team="blue", duration_ms=9000.0))
    row = latency_table(store, selection(from_events=False, teams=("red",))).row(0, named=True)
    assert (row["requests"], row["p99"]) == (1, 100.0)


def test_outcomes_are_what_the_callers_saw(store: Store, add: Callable[..., None]) -> None:
    """A request that failed over counts as answered; one that nobody could serve as 429."""
    add(
        failed_over(1, 5),
        event(2, at=SINCE, status_code=429, throttled_by="backend"),
        event(3, at=SINCE, status_code=400),
        event(4, at=SINCE, status_code=503),
        event(5, at=SINCE, client_disconnected=True),
    )
    ended = outcomes_over_time(store, selection(from_events=False), width=HOUR)
    assert dict(ended.select("series", "requests").iter_rows()) == dict.fromkeys(
        ("2xx", "429", "4xx", "5xx", "client left"), 1
    )
