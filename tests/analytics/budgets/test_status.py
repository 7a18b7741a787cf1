"""Where budgets stand, and when they begin anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from analytics.budgets import Budget, percent_of, statuses
from analytics.load import Loader
from tests.analytics.samples import FakeClock, event, load
from tests.analytics.spending import HOUR, add_charges, charge, every_hour

if TYPE_CHECKING:
    from analytics.budgets import Status
    from analytics.store import Store

NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def status(store: Store, now: datetime = NOW, timezone: str = "UTC", **fields: Any) -> Status:
    """How one budget stands."""
    budget = Budget.model_validate({"name": "b", "limit": 100, **fields})
    (one,) = statuses(store, [budget], now=now, timezone=timezone)
    return one


@pytest.mark.parametrize(
    ("limit", "state"), [("200", "forecast over"), ("300", "ok"), ("148.8", "over")]
)
def test_a_state_says_what_matters_most(empty_store: Store, limit: str, state: str) -> None:
    """An hour costs 0.4 since September: 148.8 so far, 288 at the end."""
    add_charges(empty_store, every_hour(NOW - 60 * DAY, NOW, "0.4"))
    one = status(empty_store, limit=limit)
    assert one.used == Decimal("148.8")
    assert one.state == state


def test_a_threshold_that_is_reached_is_a_warning(empty_store: Store) -> None:
    """80 % with a forecast below the limit is a warning; so is any threshold of one's own."""
    last = datetime(2026, 11, 30, 21, tzinfo=UTC)
    add_charges(empty_store, every_hour(last - 60 * DAY, last, "1"))
    assert status(empty_store, last, limit=850).state == "warning"
    assert status(empty_store, last, limit=850, actual=["99"]).state == "ok"


def test_percent_is_cut_and_not_rounded() -> None:
    """99.999 % of a budget is not all of it."""
    assert percent_of(Decimal("99.9999"), Decimal(100)) == Decimal("99.99")
    assert percent_of(Decimal(100), Decimal(100)) == 100


def test_a_budget_begins_anew_when_its_zone_says(empty_store: Store) -> None:
    """At 23:00 UTC it is December in Berlin: nothing of November is left, not even an hour later.

    In Los Angeles it is still November, for eight more hours.
    """
    turn = datetime(2026, 11, 30, 23, tzinfo=UTC)
    add_charges(empty_store, [charge(turn - HOUR, "60"), charge(turn, "3")])
    before = status(empty_store, turn - timedelta(seconds=1), "Europe/Berlin")
    after = status(empty_store, turn, "Europe/Berlin")
    assert (before.period.name, after.period.name) == ("2026-11", "2026-12")
    assert after.used == 3
    assert status(empty_store, turn + HOUR, "America/Los_Angeles").used == 63


def test_no_hour_counts_twice_in_a_zone_of_half_hours(empty_store: Store) -> None:
    """In Kolkata midnight is 18:30 UTC: the hour from 18:00 is in one of the two days only."""
    cut = datetime(2026, 11, 10, 18, 30, tzinfo=UTC)
    add_charges(empty_store, every_hour(cut - timedelta(hours=30.5), cut + 30.5 * HOUR, "1"))
    days = [
        status(empty_store, at, "Asia/Kolkata", period="daily").used
        for at in (cut - timedelta(hours=1), cut + timedelta(hours=1))
    ]
    assert days == [24, 24]


def test_what_is_used_is_never_stale(empty_store: Store) -> None:
    """A correction lowers what is used at once; nothing is counted on the side."""
    add_charges(empty_store, [charge(NOW - HOUR, "60.9")])
    assert status(empty_store).used == Decimal("60.9")
    add_charges(empty_store, [charge(NOW - HOUR, "-30.4"), charge(NOW - 30 * DAY, "-7")])
    assert status(empty_store).used == Decimal("30.5")


def test_a_forecast_of_tokens_is_a_whole_number(empty_store: Store) -> None:
    """Nobody uses half a token."""
    clock = FakeClock(datetime(2026, 11, 12, 7, tzinfo=UTC))
    made = [event(n, at=datetime(2026, 11, 1 + n, 9, tzinfo=UTC), input_tokens=997 + 31 * n)
            for n in range(1, 10)]  # fmt: skip
    load(Loader(empty_store, clock), *made)
    one = status(empty_store, clock.now(), measure="tokens", limit=10_000)
    assert one.used == sum(row["input_tokens"] + 100 for row in made)
    assert one.forecast is not None
    for amount in (one.forecast.expected, one.forecast.low, one.forecast.high):
        assert amount == int(amount)
    assert one.forecast_percent == percent_of(one.forecast.expected, Decimal(10_000))


def test_an_empty_store_is_no_error(empty_store: Store) -> None:
    """Before the first request a budget is untouched and says that it knows nothing."""
    one = status(empty_store)
    assert one.used == one.percent == 0
    assert (one.forecast, one.state) == (None, "ok")
    assert not one.known
    assert one.days_left == Decimal("14.5")
