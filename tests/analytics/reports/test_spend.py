"""Spend: exact, by anything, in the business's own days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from analytics.errors import QueryError
from analytics.reports import DIMENSIONS, spend
from analytics.types import Filters
from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Filters(NOON - timedelta(hours=12), NOON + timedelta(hours=12))
ONE = {"cached_input_tokens": None, "output_tokens": None, "input_tokens": 400_000}  # costs 1 USD
UNPRICED = ONE | {"response_model": "gpt-99", "request_model": None}


@pytest.fixture
def traffic(loader: Loader, store: Store) -> Store:
    """Three requests of 1 USD and one without a price."""
    load(
        loader,
        event(1, at=NOON, **ONE),
        event(2, at=NOON, **ONE, team="sales", key_id="k_2", key_name="crm"),
        event(3, at=NOON + timedelta(hours=2), **ONE, attempts=[attempt(backend="france")]),
        event(4, at=NOON, **UNPRICED),
    )
    return store


def rows(store: Store, *by: str, filters: Filters = DAY, **options: Any) -> list[dict[str, Any]]:
    """A report's rows."""
    return spend(store, filters, by, **options).rows(named=True)


def test_the_total(traffic: Store) -> None:
    """One row says what it all cost, and how many requests have no price."""
    (row,) = rows(traffic)
    assert (row["cost"], row["requests"], row["unpriced_requests"]) == (Decimal(3), 4, 1)
    assert row["input_tokens"] == 1_600_000
    assert (row["currency"], row["unconverted_charges"]) == ("USD", 0)


def test_an_empty_period_costs_nothing_known(store: Store) -> None:
    """No traffic is no row but the total's, whose cost is unknown and not zero."""
    assert rows(store, "team") == []
    (row,) = rows(store)
    assert (row["cost"], row["requests"]) == (None, 0)


@pytest.mark.parametrize("by", DIMENSIONS)
def test_every_split_adds_up_to_the_total(traffic: Store, by: str) -> None:
    """However spend is split, the parts are the whole."""
    split = rows(traffic, by)
    assert sum(row["cost"] or 0 for row in split) == Decimal(3)
    assert sum(row["requests"] for row in split) == 4
    assert sum(row["unpriced_requests"] for row in split) == 1


def test_the_dearest_come_first_and_the_unpriced_last(traffic: Store) -> None:
    """The first row is the one to look at."""
    assert [(row["model"], row["cost"]) for row in rows(traffic, "model")] == [
        ("gpt-4o", Decimal(3)),
        ("gpt-99", None),
    ]


def test_a_key_comes_with_its_newest_name(traffic: Store, loader: Loader) -> None:
    """A renamed key is one key, under the name it has now."""
    load(loader, event(5, at=NOON + timedelta(hours=3), **ONE, key_name="renamed"))
    names = {row["key_id"]: row["key_name"] for row in rows(traffic, "key")}
    assert names == {"k_0123456789abcdef": "renamed", "k_2": "crm"}


@pytest.mark.parametrize(
    ("field", "value", "cost"),
    [
        ("team", "sales", 1),
        ("key", "crm", 1),
        ("key", "k_2", 1),
        ("backend", "france", 1),
        ("model", "gpt-4o", 3),
        ("deployment", "chat", 3),
        ("operation", "embeddings", None),
        ("team", "'; DROP TABLE events; --", None),
    ],
)
def test_filters_choose_by_exact_value(
    traffic: Store, field: str, value: str, cost: int | None
) -> None:
    """A filter's value is data, whatever it holds."""
    chosen: dict[str, Any] = {field: value}
    (row,) = rows(traffic, filters=replace(DAY, **chosen))
    assert row["cost"] == cost


def test_days_are_the_business_s(traffic: Store) -> None:
    """14:00 UTC is the next day in Auckland, and noon is not yet in Honolulu."""
    zones = {"UTC": [20], "Pacific/Auckland": [21], "Pacific/Honolulu": [20]}
    for zone, days in zones.items():
        found = rows(traffic, "day", timezone=zone)
        assert [row["day"] for row in found] == [date(2026, 11, day) for day in days]
    hours = rows(traffic, "hour", timezone="Europe/Berlin")
    assert [row["hour"].hour for row in hours] == [13, 15]


def test_a_period_is_widened_to_whole_hours(traffic: Store) -> None:
    """Rollups know hours, so a period that begins inside one includes it."""
    late = Filters(NOON + timedelta(minutes=59), NOON + timedelta(hours=1))
    assert rows(traffic, filters=late)[0]["requests"] == 3


def test_an_unknown_split_is_refused_with_the_known_ones(store: Store) -> None:
    """Who mistypes a dimension reads which there are."""
    with pytest.raises(QueryError, match=r"'colour'.*team, backend"):
        spend(store, DAY, ["colour"])


def test_aggregates_cost_and_are_no_requests(loader: Loader, store: Store) -> None:
    """What another gateway's log only sums up is in the bill, and not in the count."""
    load(loader, event(1, at=NOON, **ONE), event(2, at=NOON, **ONE, aggregate=True, team="sums"))
    by_team = {row["team"]: (row["cost"], row["requests"]) for row in rows(store, "team")}
    assert by_team == {"search": (Decimal(1), 1), "sums": (Decimal(1), 0)}
    assert rows(store)[0]["requests"] == 1
