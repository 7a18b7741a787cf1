"""Hours that were far dearer than usual."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from analytics.alerts import AlertRules
from analytics.alerts.anomalies import anomaly_alerts, unusual, weeks_ago
from tests.analytics.spending import HOUR, add_charges, charge, every_hour

if TYPE_CHECKING:
    from analytics.alerts import Alert
    from analytics.store import Store

NOW = datetime(2026, 11, 18, 12, 30, tzinfo=UTC)
LAST = datetime(2026, 11, 18, 11, tzinfo=UTC)
"""The last hour that has ended."""
WEEK = timedelta(weeks=1)
KEY_ONLY = AlertRules(anomaly_by=("key",))


def found(store: Store, now: datetime = NOW, rules: AlertRules = KEY_ONLY) -> list[Alert]:
    """The alerts of the last hours."""
    return anomaly_alerts(store, rules, now=now, timezone="UTC", channels=("one",))


def usual(store: Store, cost: str = "10", **fields: Any) -> None:
    """Six weeks at the same cost an hour, until `LAST`."""
    add_charges(store, every_hour(LAST - 6 * WEEK - HOUR, LAST, cost, **fields))


def test_a_spike_is_told_with_what_is_usual(empty_store: Store) -> None:
    """Ten times the usual in an hour is an alert for the key, on its day."""
    usual(empty_store)
    add_charges(empty_store, [charge(LAST, "100")])
    (alert,) = found(empty_store)
    assert (alert.title, alert.period) == ("Unusual spend: key search-app", "2026-11-18")
    assert (alert.facts["spent"], alert.facts["usual"]) == ("100", "10")
    assert "100.00 USD" in alert.text


def test_every_watched_dimension_tells(empty_store: Store) -> None:
    """Key, team and deployment are watched, as the rules say."""
    usual(empty_store)
    add_charges(empty_store, [charge(LAST, "100")])
    assert {one.subject for one in found(empty_store, rules=AlertRules())} == {
        "key k_0123456789abcdef",
        "team search",
        "deployment chat",
    }
    assert found(empty_store, rules=AlertRules(anomaly_by=())) == []


def test_an_hour_that_is_not_over_is_not_judged(empty_store: Store) -> None:
    """Neither the running hour, which is half stored, nor one that ended just now is a spike."""
    usual(empty_store)
    add_charges(empty_store, [charge(LAST + HOUR, "100")])
    assert found(empty_store) == []
    assert found(empty_store, LAST + 2 * HOUR + timedelta(minutes=9)) == []
    assert len(found(empty_store, LAST + 2 * HOUR + timedelta(minutes=11))) == 1


def test_what_was_written_twice_and_taken_back_is_no_spike(empty_store: Store) -> None:
    """Rollup rows add up: a delta and its correction leave the hour as it was."""
    usual(empty_store)
    add_charges(empty_store, [charge(LAST, cost) for cost in ("10", "90", "-90")])
    assert found(empty_store) == []


def test_a_backlog_that_is_stored_at_once_is_no_spike(empty_store: Store) -> None:
    """After a night without a consumer each request counts in the hour in which it was made."""
    add_charges(empty_store, every_hour(LAST - 6 * WEEK - HOUR, LAST - 12 * HOUR, "10"))
    add_charges(empty_store, every_hour(LAST - 12 * HOUR, LAST + HOUR, "10"))
    assert found(empty_store) == []


def test_a_weekly_batch_is_usual(empty_store: Store) -> None:
    """What comes every Wednesday at eleven is no surprise; on a Tuesday it would be one."""
    usual(empty_store, "1")
    add_charges(empty_store, [charge(LAST - n * WEEK, "80") for n in range(7)])
    assert found(empty_store) == []
    add_charges(empty_store, [charge(LAST - HOUR, "80")])
    assert len(found(empty_store)) == 1


def test_a_spike_lasts_one_alert_a_day(empty_store: Store) -> None:
    """Five dear hours are one message."""
    usual(empty_store)
    add_charges(empty_store, [charge(LAST - n * HOUR, "100") for n in range(5)])
    (alert,) = found(empty_store)
    (later,) = found(empty_store, NOW + 2 * HOUR)
    assert alert.alert_id == later.alert_id


def test_a_name_without_history_is_not_judged(empty_store: Store) -> None:
    """Two weeks do not tell what is usual; three do, as the rule says."""
    young = {"key_id": "k_new", "key_name": "new"}
    add_charges(empty_store, every_hour(LAST - 2 * WEEK, LAST, "1", **young))
    add_charges(empty_store, [charge(LAST, "100", **young)])
    assert found(empty_store) == []
    assert len(found(empty_store, rules=AlertRules(anomaly_by=("key",), anomaly_weeks=2))) == 1


def test_a_renamed_key_keeps_its_history_and_idle_capacity_is_nobodys(empty_store: Store) -> None:
    """A key is followed by its id and told by its newest name; what nobody used is no key's."""
    usual(empty_store, key_name="old")
    idle = {"key_id": None, "key_name": "idle", "team": None, "meter": "provisioned"}
    usual(empty_store, "1", **idle)
    assert found(empty_store) == []
    add_charges(empty_store, [charge(LAST, "100", key_name="new"), charge(LAST, "99", **idle)])
    assert [one.title for one in found(empty_store)] == ["Unusual spend: key new"]


def test_a_share_of_fixed_costs_is_no_spike(empty_store: Store) -> None:
    """Who is alone in an hour bears all of its provisioned throughput, and has done nothing odd."""
    usual(empty_store)
    add_charges(empty_store, [charge(LAST, "10"), charge(LAST, "90", meter="provisioned")])
    assert found(empty_store) == []


def test_currencies_are_not_mixed(empty_store: Store) -> None:
    """Spend in euros is usual or not among euros."""
    usual(empty_store, "10")
    usual(empty_store, "500", currency="EUR")
    add_charges(empty_store, [charge(LAST, "10"), charge(LAST, "500", currency="EUR")])
    assert found(empty_store) == []
    add_charges(empty_store, [charge(LAST, "90")])
    assert [one.facts["unit"] for one in found(empty_store)] == ["USD"]


@pytest.mark.parametrize(
    ("spent", "past", "is_unusual"),
    [
        ("16", ["10"] * 6, False),  # not twice as much
        ("21", ["10"] * 6, True),
        ("4.9", ["0"] * 6, False),  # too small to matter
        ("5.1", ["0"] * 6, True),
        ("100", ["10", "30", "50", "70", "90", "20"], False),  # usually wild
        ("600", ["10", "30", "50", "70", "90", "20"], True),
        ("60", ["10", "10", "10", "10", "10", "900"], True),  # one spike hides no other
        ("500", ["10", "10"], False),  # too little history
    ],
)
def test_far_is_robust(spent: str, past: list[str], *, is_unusual: bool) -> None:
    """Median and deviations from it decide, with a smallest amount."""
    answer = unusual(Decimal(spent), [Decimal(one) for one in past], AlertRules())
    assert (answer is not None) == is_unusual


def test_the_same_hour_is_the_same_by_the_clock_on_the_wall() -> None:
    """Nine o'clock in Berlin was 7:00 UTC before the clocks changed, and 8:00 UTC after."""
    nine = datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert weeks_ago(nine, 1, ZoneInfo("Europe/Berlin")) == datetime(2026, 10, 26, 8, tzinfo=UTC)
    assert weeks_ago(nine, 2, ZoneInfo("Europe/Berlin")) == datetime(2026, 10, 19, 7, tzinfo=UTC)
