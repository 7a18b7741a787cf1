"""The spend panels' questions, answered from rollups and from events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from analytics.budgets import Budget, statuses
from analytics.errors import QueryError
from analytics.panels import (
    BY,
    MonthEnd,
    Selection,
    month_end,
    spend_by_source,
    spend_over_time,
    spend_table,
    tokens_over_time,
    totals,
    unpriced,
)
from tests.analytics.samples import MORNING, event

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics.store import Store

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SINCE = MORNING.replace(minute=0)
COST = Decimal("0.0025")
"""One sample event: 800 x 2e-6 + 200 x 5e-7 + 100 x 8e-6."""

WAYS = pytest.mark.parametrize("from_events", [False, True], ids=["rollups", "events"])


def selection(*, from_events: bool, **parts: Any) -> Selection:
    """The three hours around the samples."""
    return replace(Selection(SINCE - HOUR, SINCE + 2 * HOUR, from_events=from_events), **parts)


@WAYS
def test_totals_add_up(store: Store, add: Callable[..., None], *, from_events: bool) -> None:
    """Spend is exact; unpriced requests are counted and not taken for free."""
    add(
        event(1),
        event(2, usage_source="estimated"),
        event(3, response_model="house-model", request_model="house-model", deployment="house"),
        event(4, status_code=429, throttled_by="backend", usage_source="none", attempts=[])
        | dict.fromkeys(("input_tokens", "cached_input_tokens", "output_tokens"), 0),
    )
    answer = totals(store, selection(from_events=from_events))
    assert answer.spend == 2 * COST
    assert answer.estimated_spend == COST
    assert (answer.requests, answer.estimated_requests, answer.unpriced_requests) == (4, 1, 1)
    assert (answer.input_tokens, answer.cached_input_tokens) == (3000, 600)
    assert answer.output_tokens == 300


@WAYS
def test_nothing_stored_is_no_spend(store: Store, *, from_events: bool) -> None:
    """An empty store answers with None for money, not with zero."""
    answer = totals(store, selection(from_events=from_events))
    assert answer.spend is None
    assert answer.requests == 0


@WAYS
def test_a_span_begins_and_ends_where_it_says(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """The first moment belongs to a span, the last does not."""
    add(
        event(1, at=SINCE - timedelta(microseconds=1)),
        event(2, at=SINCE),
        event(3, at=SINCE + HOUR),
    )
    span = selection(from_events=from_events, since=SINCE, until=SINCE + HOUR)
    assert totals(store, span).requests == 1


@WAYS
def test_several_names_may_be_picked(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """A filter with two keys shows both; filters of different kinds narrow one another."""
    add(
        event(1, key_name="one", team="red"),
        event(2, key_name="two", team="blue"),
        event(3, key_name="three", team="blue"),
    )
    span = selection(from_events=from_events)
    assert totals(store, replace(span, keys=("one", "two"))).requests == 2
    assert totals(store, replace(span, keys=("one", "two"), teams=("blue",))).requests == 1
    assert totals(store, replace(span, backends=("nowhere",))).requests == 0


@WAYS
def test_a_caller_without_a_name_has_one_on_the_page(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """A key is called by its name, else its fingerprint, else (no key), and can be picked so."""
    add(
        event(1, key_name=None),
        event(2, key_name=None, key_id=None, team=None, auth_type="none"),
    )
    span = selection(from_events=from_events)
    names = spend_table(store, span, by="key")["series"].to_list()
    assert sorted(names) == ["(no key)", "k_0123456789abcdef"]
    assert totals(store, replace(span, keys=("(no key)",))).spend == COST
    assert totals(store, replace(span, teams=("(no team)",))).requests == 1


@WAYS
def test_days_begin_at_the_business_midnight(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """23:30 UTC is the next day in Berlin, and its spend stands there."""
    late = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    add(event(1, at=late), event(2, at=late - 2 * HOUR))
    span = Selection(late - DAY, late + HOUR, timezone="Europe/Berlin", from_events=from_events)
    days = spend_over_time(store, span, by="key", width=DAY)
    assert days["bucket"].to_list() == [datetime(2026, 11, 19), datetime(2026, 11, 20)]  # noqa: DTZ001 - wall clock
    assert days["spend"].to_list() == [COST, COST]


@WAYS
def test_spend_can_be_split_by_everything(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """Each split names what the event says, with all of its spend and tokens."""
    add(event(1))
    names = {
        "key": "search-app",
        "team": "search",
        "backend": "sweden",
        "model": "gpt-4o",
        "deployment": "chat",
        "deployment_type": "global",
        "operation": "chat",
    }
    assert set(names) == set(BY)
    for by, name in names.items():
        row = spend_table(store, selection(from_events=from_events), by=by).row(0, named=True)
        assert row == {
            "series": name,
            "spend": COST,
            "requests": 1,
            "input_tokens": 1000,
            "cached_input_tokens": 200,
            "output_tokens": 100,
            "unpriced_requests": 0,
        }


def test_a_split_that_does_not_exist_is_refused(store: Store) -> None:
    """The name of a split is never taken as SQL."""
    with pytest.raises(QueryError, match="cannot split by 'cost; DROP TABLE events'"):
        spend_table(store, selection(from_events=False), by="cost; DROP TABLE events")


@WAYS
def test_tokens_and_sources_over_time(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """Tokens fall into their buckets; estimates stand apart from what was reported."""
    add(event(1), event(2, at=SINCE + HOUR, usage_source="estimated"))
    span = selection(from_events=from_events)
    buckets = tokens_over_time(store, span, width=HOUR)
    assert buckets["input_tokens"].to_list() == [1000, 1000]
    sources = dict(spend_by_source(store, span).iter_rows())
    assert sources == {"reported": COST, "estimated": COST}


def test_what_has_no_price_is_named_with_its_reason(store: Store, add: Callable[..., None]) -> None:
    """An operator sees which model and meter to add a rate for."""
    add(event(1, response_model="house-model", request_model="house-model", deployment="house"))
    rows = unpriced(store, selection(from_events=False))
    assert set(rows["model"]) == {"house-model"}
    assert set(rows["meter"]) == {"input", "cached_input", "output"}
    assert rows["reason"].null_count() == 0
    assert dict(rows.select("meter", "quantity").iter_rows())["input"] == 800


def test_the_month_ends_where_budgets_expect_it(store: Store, add: Callable[..., None]) -> None:
    """One event a day goes on to the end of the month; the page and budgets say the same."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    month = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    add(*(event(day, at=now - day * DAY) for day in range(1, 21)))
    answer = month_end(store, Selection(now - HOUR, now), now=now, month=month)
    assert answer.so_far == 20 * COST
    assert answer.forecast is not None
    assert abs(answer.forecast.expected - 30 * COST) < COST / 10
    assert answer.forecast.low <= answer.forecast.expected <= answer.forecast.high
    budget = Budget(name="all", limit=Decimal(1))
    (status,) = statuses(store, [budget], now=now, timezone="UTC")
    assert (status.used, status.forecast) == (answer.so_far, answer.forecast)


def test_the_month_is_that_of_the_selection(store: Store, add: Callable[..., None]) -> None:
    """Picking a team projects the team's month; a team without spend has none."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    month = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    add(event(1, at=now - 2 * DAY), event(2, at=now - 2 * DAY, team="sales"))
    picked = Selection(now - HOUR, now, teams=("sales",))
    assert month_end(store, picked, now=now, month=month).so_far == COST
    nobody = replace(picked, teams=("nobody",))
    assert month_end(store, nobody, now=now, month=month) == MonthEnd(None, None)


def test_an_hour_of_spend_is_no_trend(store: Store, add: Callable[..., None]) -> None:
    """The first day of a store projects nothing."""
    now = MORNING + 3 * HOUR
    month = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    add(event(1))
    span = Selection(now - DAY, now)
    assert month_end(store, span, now=now, month=month) == MonthEnd(COST, None)


@WAYS
def test_aggregates_are_spend_and_no_requests(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """An hour's sum costs what it costs, and nobody knows how many requests it was."""
    add(event(1), event(2, aggregate=True, usage_source="estimated"))
    answer = totals(store, selection(from_events=from_events))
    assert (answer.spend, answer.estimated_spend) == (2 * COST, COST)
    assert (answer.requests, answer.estimated_requests, answer.input_tokens) == (1, 0, 2000)
    table = spend_table(store, selection(from_events=from_events), by="team")
    assert table["requests"].to_list() == [1]


@WAYS
def test_a_key_with_aggregates_alone_is_in_the_table(
    store: Store, add: Callable[..., None], *, from_events: bool
) -> None:
    """Streamed spend does not vanish because it has no requests."""
    add(event(1, aggregate=True, team="streams"))
    table = spend_table(store, selection(from_events=from_events), by="team")
    assert table.select("series", "spend", "requests").rows() == [("streams", COST, 0)]
