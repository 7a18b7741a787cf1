"""Rollups say of an hour what its events and attempts say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


def traffic(store: Store, what: str, by: str = "backend") -> dict[Any, Any]:
    """A sum of the rollup by one of its columns, without zeros."""
    frame = store.frame(
        f"SELECT {by}, {what} AS n FROM traffic_hourly GROUP BY {by} HAVING n <> 0"  # noqa: S608 - our own names
    )
    return dict(frame.iter_rows())


def test_requests_count_where_they_were_answered_and_attempts_where_they_were_made(
    loader: Loader, store: Store
) -> None:
    """A retry makes one request and two calls, and the backend that threw 429 is the one blamed."""
    throttled = attempt(
        backend="france", status_code=429, throttle="token_rate", retry_after_ms=2000.0
    )
    failed = attempt(backend="france", status_code=None, error_type="timeout")
    load(
        loader,
        event(1, attempts=[throttled, attempt(backend="sweden", remaining_tokens=70)]),
        event(2, attempts=[failed, attempt(backend="sweden", remaining_tokens=30)]),
        event(3, attempts=[], status_code=429, throttled_by="gateway"),
    )
    assert traffic(store, "sum(requests)") == {"sweden": 2, None: 1}
    assert traffic(store, "sum(attempts)") == {"sweden": 2, "france": 2}
    assert traffic(store, "sum(retries)") == {"sweden": 2}
    assert traffic(store, "sum(failed_attempts)") == {"france": 2}
    assert traffic(store, "sum(throttled_attempts)") == {"france": 1}
    assert traffic(store, "sum(throttled_token_rate)") == {"france": 1}
    assert traffic(store, "sum(gateway_throttled_requests)") == {None: 1}
    assert traffic(store, "max(retry_after_ms_max)") == {"france": 2000.0}
    assert traffic(store, "min(min_remaining_tokens)") == {"sweden": 30}


def test_every_kind_of_429_has_its_count(loader: Loader, store: Store) -> None:
    """Kinds add up to all 429s; one that nobody names is unknown."""
    kinds = ["token_rate", "call_rate", "busy", "busy", "capacity", "unknown", None]
    calls = [attempt(status_code=429, throttle=kind) for kind in kinds]
    load(loader, event(1, status_code=429, throttled_by="backend", attempts=calls))
    row = store.frame(
        "SELECT sum(throttled_attempts), sum(throttled_token_rate), sum(throttled_call_rate), "
        "sum(throttled_busy), sum(throttled_capacity), sum(throttled_unknown) FROM traffic_hourly"
    ).row(0)
    assert row == (7, 1, 1, 2, 1, 2)


def test_throttled_minutes_are_clock_minutes(loader: Loader, store: Store) -> None:
    """Many 429s in a minute are one throttled minute, in whichever commits they come."""
    moments = [0, 10, 59, 60, 185, 3599]
    for number, seconds in enumerate(moments):
        call = attempt(status_code=429, offset_ms=0.0)
        at = NINE + timedelta(seconds=seconds)
        load(loader, event(number, at=at, status_code=429, attempts=[call]))
    bits = store.frame("SELECT bit_or(throttled_minutes) FROM traffic_hourly").item()
    assert bits == (1 << 0) | (1 << 1) | (1 << 3) | (1 << 59)


def test_an_attempt_counts_in_the_hour_in_which_it_was_made(loader: Loader, store: Store) -> None:
    """A retry after the full hour belongs to the next one."""
    at = NINE + timedelta(minutes=59, seconds=59)
    load(loader, event(1, at=at, attempts=[attempt(offset_ms=0.0), attempt(offset_ms=2000.0)]))
    hours = traffic(store, "sum(attempts)", by="hour")
    assert hours == {NINE: 1, NINE + timedelta(hours=1): 1}


def test_charges_and_requests_are_those_of_the_events(loader: Loader, store: Store) -> None:
    """A rollup's sums are the sums of what it rolls up."""
    load(loader, *(event(n, team=f"team-{n % 3}", stream=bool(n % 2)) for n in range(60)))
    for by in ("team", "backend", "model", "operation"):
        events = f"SELECT {by}, count(*), sum(cost) FROM events GROUP BY ALL ORDER BY 1"  # noqa: S608 - our own names
        rolled = f"""
            SELECT {by}, sum(requests)::BIGINT, sum(cost) FROM (
                FROM traffic_hourly UNION ALL BY NAME
                SELECT * EXCLUDE (requests) FROM charges_hourly
            ) GROUP BY ALL ORDER BY 1
        """  # noqa: S608 - our own names
        assert store.frame(rolled).rows() == store.frame(events).rows()


def test_latency_is_that_of_answers_to_clients_that_stayed(loader: Loader, store: Store) -> None:
    """Quick refusals, cached answers and broken-off streams would make backends look better."""
    load(
        loader,
        event(1, duration_ms=1000.0, time_to_first_chunk_ms=100.0),
        event(2, status_code=429),
        event(3, status_code=500),
        event(4, cache_hit=True),
        event(5, client_disconnected=True),
        event(6, duration_ms=0.0),
    )
    rows = store.frame("SELECT measure, sum(requests) FROM latency_hourly GROUP BY ALL ORDER BY 1")
    assert rows.rows() == [("duration", 2), ("time_to_first_chunk", 1)]


def test_commits_are_counted_in_the_hour_of_the_commit(loader: Loader, store: Store) -> None:
    """The pipeline's health says what came in, when, and what was not new."""
    load(loader, event(1))
    load(loader, event(1), event(2))
    row = store.frame("SELECT commits, events, duplicates, last_event_at FROM pipeline_health").row(
        0
    )
    assert row[:3] == (2, 2, 1)
    assert row[3] == store.frame("SELECT max(started_at) FROM events").item()
