"""Which alerts budgets raise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analytics.alerts.budget_alerts import budget_alerts
from analytics.budgets import Budget
from analytics.load import Loader
from tests.analytics.samples import FakeClock, event, load
from tests.analytics.spending import HOUR, add_charges, charge, every_hour

if TYPE_CHECKING:
    from analytics.alerts import Alert
    from analytics.store import Store

NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def found(store: Store, now: datetime = NOW, **fields: Any) -> list[Alert]:
    """The alerts of one budget."""
    budget = Budget.model_validate({"name": "all", "limit": 100, **fields})
    return budget_alerts(store, [budget], now=now, timezone="UTC", channels=("common",))


def told(alerts: list[Alert]) -> list[tuple[str, str, bool]]:
    """What tells alerts apart."""
    return [(one.kind, one.threshold, one.superseded) for one in alerts]


def test_nothing_is_told_below_every_threshold(empty_store: Store) -> None:
    """A budget that is kept is silent."""
    add_charges(empty_store, [charge(NOW, "79.999999")])
    assert found(empty_store, forecast=[]) == []


def test_the_highest_threshold_is_told_and_the_lower_noted(empty_store: Store) -> None:
    """A budget that jumps from 10 to 120 % is one message, not two."""
    add_charges(empty_store, [charge(NOW, "120")])
    assert told(found(empty_store)) == [
        ("budget", "100 % of 100 USD", False),
        ("budget", "80 % of 100 USD", True),
    ]


def test_a_forecast_is_told_before_the_limit_is_reached(empty_store: Store) -> None:
    """0.4 an hour: half used by the middle of the month, 288 expected. Amounts are exact."""
    add_charges(empty_store, every_hour(NOW - 60 * DAY, NOW, "0.4"))
    (alert,) = found(empty_store, limit=250)
    assert (alert.kind, alert.threshold) == ("forecast", "100 % of 250 USD")
    assert alert.facts["used"] == "148.8"
    assert 280 < float(alert.facts["forecast"]) < 296
    assert float(alert.facts["forecast_low"]) <= float(alert.facts["forecast"])
    assert "148.80 USD" in alert.text


def test_a_guess_wakes_nobody(empty_store: Store) -> None:
    """After two days of usage there is a forecast, and no alert because of it."""
    add_charges(empty_store, every_hour(NOW - 2 * DAY, NOW, "0.4"))
    assert found(empty_store, limit=50) == []


def test_a_forecast_is_no_news_once_the_limit_is_used(empty_store: Store) -> None:
    """Over is over."""
    add_charges(empty_store, every_hour(NOW - 60 * DAY, NOW, "0.4"))
    assert {one.kind for one in found(empty_store, limit=120)} == {"budget"}


def test_a_budget_that_was_raised_tells_anew(empty_store: Store) -> None:
    """80 % of 100 and 80 % of 150 are two alerts, 80 % of 100 found twice is one."""
    add_charges(empty_store, [charge(NOW, "130")])
    first = {one.alert_id for one in found(empty_store, forecast=[])}
    again = {one.alert_id for one in found(empty_store, NOW + HOUR, forecast=[])}
    raised = {one.alert_id for one in found(empty_store, limit=150, forecast=[])}
    assert first == again
    assert not first & raised


def test_channels_of_a_budget_win(empty_store: Store) -> None:
    """A budget without channels of its own uses the common ones."""
    add_charges(empty_store, [charge(NOW, "85")])
    assert found(empty_store)[0].channels == ("common",)
    assert found(empty_store, channels=["own"])[0].channels == ("own",)


def test_what_came_late_counts_for_the_period_it_was_in(empty_store: Store) -> None:
    """Usage of the last hour of a month, stored in the next one, is still told; a day later not."""
    turn = datetime(2026, 12, 1, tzinfo=UTC)
    add_charges(empty_store, [charge(turn - HOUR, "90")])
    (alert,) = found(empty_store, turn + 2 * HOUR)
    assert alert.period == "2026-11"
    assert "the period has ended" in alert.text
    assert found(empty_store, turn + 25 * HOUR) == []


def test_a_new_period_is_silent_at_once(empty_store: Store) -> None:
    """The minute a budget begins anew, last month's spend raises nothing in this one."""
    turn = datetime(2026, 12, 1, tzinfo=UTC)
    add_charges(empty_store, [charge(turn - HOUR, "500")])
    assert {one.period for one in found(empty_store, turn)} == {"2026-11"}


@pytest.mark.parametrize("copies", [1, 5])
def test_redelivered_events_raise_nothing(empty_store: Store, copies: int) -> None:
    """However often the log delivers a request, a budget counts it once: no false alarm."""
    clock = FakeClock()
    for _ in range(copies):
        load(Loader(empty_store, clock), event(1), event(2))
    budget = Budget.model_validate(
        {"name": "tokens", "limit": 4000, "measure": "tokens", "actual": [50, 60, 100]}
    )
    alerts = budget_alerts(empty_store, [budget], now=clock.now(), timezone="UTC")
    assert told(alerts) == [("budget", "50 % of 4000 tokens", False)]
