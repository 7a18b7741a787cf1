"""Reports add up and know the business's days; maintenance changes none of their numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from analytics import Store
from analytics.errors import QueryError
from analytics.load import Loader
from analytics.maintenance.run import maintain
from analytics.reports.latency import latency
from analytics.reports.spend import spend
from analytics.reports.throttling import throttling
from analytics.types import Filters
from tests.analytics.samples import MORNING, FakeClock, attempt, event, load

ALL = Filters(MORNING - timedelta(days=2), MORNING + timedelta(days=2))
# 800 tokens at 2.50, 200 cached at 1.25 and 100 out at 10 USD per million
ONE = Decimal("0.00325")


@pytest.fixture(autouse=True)
def _traffic(loader: Loader) -> None:
    """Three requests of two teams, one of them after a refusal, and one that nobody can price."""
    load(
        loader,
        event(1),
        event(2, team="payments", key_id="k_2", key_name="pay"),
        event(
            3,
            attempts=[
                attempt(backend="east", status_code=429, throttle="token_rate", retry_after_ms=9e3),
                attempt(offset_ms=20.0, duration_ms=700.0),
            ],
        ),
        event(4, response_model="nobody-knows", request_model=None, deployment=None, attempts=[]),
    )


def test_spend_is_exact_and_says_what_has_no_price(store: Store) -> None:
    """A breakdown's sum is the total; unpriced requests are counted, not charged zero."""
    total = spend(store, ALL)
    assert total["cost"].to_list() == [3 * ONE]
    assert total["requests"].to_list() == [4]
    assert total["unpriced_requests"].to_list() == [1]
    for by in ("team", "key", "backend", "model", "operation", "meter"):
        assert sum(filter(None, spend(store, ALL, (by,))["cost"].to_list())) == 3 * ONE, by


def test_spend_of_one_team(store: Store) -> None:
    """A filter shows that team and nobody else."""
    one = spend(store, Filters(ALL.since, ALL.until, team="payments"), ("team",))
    assert one.select("team", "cost").rows() == [("payments", ONE)]


def test_days_are_those_of_the_business(store: Store, loader: Loader) -> None:
    """A request late in the UTC evening belongs to Tokyo's next day."""
    load(loader, event(9, datetime(2026, 11, 20, 23, 30, tzinfo=UTC), team="night"))
    night = Filters(ALL.since, ALL.until, team="night")
    days = [
        str(spend(store, night, ("day",), timezone=zone)["day"][0])[:10]
        for zone in ("UTC", "Asia/Tokyo")
    ]
    assert days == ["2026-11-20", "2026-11-21"]


def test_a_day_that_begins_within_an_hour_leaves_that_hour_to_the_day_before(
    store: Store, loader: Loader
) -> None:
    """India's 21st begins at 18:30 UTC: the hour from 18:00 is the 20th's, also in a total."""
    midnight = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    for number, minutes in ((31, -15), (32, 45)):
        load(loader, event(number, midnight + timedelta(minutes=minutes), team="pune"))
    day = Filters(midnight, ALL.until, team="pune")
    assert spend(store, day, ("team",), timezone="Asia/Kolkata")["requests"].to_list() == [1]
    assert spend(store, day, ("team",))["requests"].to_list() == [2]


def test_throttling_names_the_backend_that_refused(store: Store) -> None:
    """The refusal is the first backend's, though the request went well at the second."""
    rows = {row["backend"]: row for row in throttling(store, ALL, ("backend",)).to_dicts()}
    assert (rows["east"]["throttled_attempts"], rows["east"]["throttled_token_rate"]) == (1, 1)
    assert rows["east"]["max_retry_after_ms"] == 9000
    assert rows["sweden"]["throttled_attempts"] == 0


def test_latency_is_within_one_percent(store: Store) -> None:
    """Percentiles come from the histogram, close to the true value."""
    rows = latency(store, ALL).to_dicts()
    values = [value for row in rows for name, value in row.items() if name.startswith("p50")]
    assert any(value == pytest.approx(812.5, rel=0.01) for value in values if value is not None)


def test_an_unknown_dimension_is_one_clear_error(store: Store) -> None:
    """Whoever mistypes learns what there is."""
    with pytest.raises(QueryError, match="colour"):
        spend(store, ALL, ("colour",))


def test_maintenance_keeps_every_number(store: Store, loader: Loader, clock: FakeClock) -> None:
    """Folding, compaction and retention of raw rows change no report; only old rows go."""
    for number in range(20, 30):
        load(loader, event(number))
    before = [spend(store, ALL, ("team", "model")), throttling(store, ALL, ("backend",))]
    clock.advance(days=1)
    summary = maintain(store, clock, older_than=timedelta(hours=12))
    after = [spend(store, ALL, ("team", "model")), throttling(store, ALL, ("backend",))]
    assert [frame.rows() for frame in before] == [frame.rows() for frame in after]
    assert summary.deleted_events == 14
    assert summary.folded_rows > 0
    assert store.frame("SELECT count(*) FROM events").row(0) == (0,)
