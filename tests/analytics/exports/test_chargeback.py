"""Chargeback: each team's part, and all of the bill."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics.errors import QueryError
from analytics.exports.chargeback import KNOWN, chargeback
from analytics.exports.focus import FocusRequest, focus_table
from analytics.exports.parties import Parties
from analytics.exports.period import Period
from analytics.store import Store
from tests.analytics.exports.charges import OCTOBER, charge, provisioned

MONTH = Period.month("2026-10")


def rows(store: Store, *by: str, period: Period = MONTH, **options: Any) -> list[dict[str, Any]]:
    """The rows of a chargeback."""
    return chargeback(store, period, by or ("team",), **options).rows(named=True)


def total(found: list[dict[str, Any]]) -> Decimal:
    """What they cost together."""
    return sum((row["total_cost"] for row in found if row["total_cost"] is not None), Decimal(0))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Europe/Berlin", "America/Los_Angeles"])
def test_the_total_is_that_of_the_focus_export(billed: Store, zone: str) -> None:
    """Finance gets one figure from both, to the last digit."""
    period = Period.month("2026-10", zone)
    exported = focus_table(billed, FocusRequest(period, Parties())).to_pylist()
    expected = sum((row["BilledCost"] for row in exported), Decimal(0))
    assert expected > 0
    assert total(rows(billed, period=period)) == expected
    assert total(rows(billed, period=period, spread_idle=True)) == expected


@pytest.mark.parametrize("by", KNOWN)
@pytest.mark.parametrize("spread_idle", [True, False])
def test_every_split_adds_up_to_the_same(billed: Store, by: str, spread_idle: Any) -> None:
    """Whatever it is split by, nothing is lost or counted twice."""
    expected = Decimal("166.9594270678")
    assert total(rows(billed, by, spread_idle=spread_idle)) == expected
    assert total(rows(billed, by, "team", spread_idle=spread_idle)) == expected


def test_a_team_s_row_tells_usage_provisioned_and_what_was_guessed(billed: Store) -> None:
    """Each kind of money in its own column, with the requests and tokens behind it."""
    sales = next(row for row in rows(billed) if row["team"] == "sales")
    assert sales["usage_cost"] == Decimal("1.9496770678")
    assert sales["provisioned_cost"] == 33
    assert sales["total_cost"] == Decimal("34.9496770678")
    assert sales["estimated_cost"] == Decimal("0.00325")
    assert (sales["requests"], sales["input_tokens"], sales["output_tokens"]) == (3, 778_777, 200)


def test_idle_hours_are_nobody_s_row(billed: Store) -> None:
    """What was bought and not used is seen, and is not the row of those without a team."""
    (idle,) = [row for row in rows(billed) if row["kind"] == "idle"]
    assert (idle["team"], idle["idle_cost"]) == (None, Decimal("65.5925919"))
    nobody = [row for row in rows(billed) if row["team"] is None and row["kind"] == "usage"]
    assert [row["total_cost"] for row in nobody] == [Decimal("0.00325")]


def test_idle_hours_can_be_spread_by_what_each_used_of_the_block(billed: Store) -> None:
    """By the share of the hours, to those who used it only."""
    found = rows(billed, spread_idle=True)
    shares = {row["team"]: row["idle_cost"] for row in found if row["idle_cost"]}
    assert set(shares) == {"search", "sales"}
    assert sum(shares.values()) == Decimal("65.5925919")
    assert shares["search"] / shares["sales"] == pytest.approx(Decimal("2.0123457"))
    assert "idle" not in {row["kind"] for row in found}


def test_a_block_that_nobody_used_stays_idle(store: Store) -> None:
    """There is nobody to spread it over."""
    provisioned(store, OCTOBER, None, "idle", None, "50")
    (row,) = rows(store, spread_idle=True)
    assert (row["kind"], row["total_cost"]) == ("idle", 55)


def test_what_has_no_price_is_counted_and_costs_nothing_known(billed: Store) -> None:
    """Unpriced is not zero."""
    found = rows(billed, "model")
    unpriced = next(row for row in found if row["model"] == "gpt-99")
    assert (unpriced["total_cost"], unpriced["unpriced_requests"]) == (None, 1)
    assert sum(row["unpriced_requests"] or 0 for row in found) == 1


def test_the_month_before_stands_beside(billed: Store) -> None:
    """With the change, also for those who are new, and those who are gone."""
    october = next(row for row in rows(billed) if row["team"] == "search")
    assert october["previous_cost"] == Decimal("0.00325")
    assert october["change"] == october["total_cost"] - october["previous_cost"]
    november = rows(billed, period=Period.month("2026-11"))
    gone = next(row for row in november if row["team"] == "sales")
    assert (gone["total_cost"], gone["change"]) == (None, -gone["previous_cost"])
    assert gone["change_percent"] == -100.0


def test_a_key_has_its_newest_name(billed: Store) -> None:
    """Rows are by the key's id; people read its name."""
    found = rows(billed, "key", "team")
    assert {(row["key_id"], row["key_name"]) for row in found if row["team"] == "sales"} == {
        ("k_00000000000000c3", "crm")
    }


def test_by_meter_the_quantity_stands_beside_the_cost(billed: Store) -> None:
    """In the meter's own unit: a price can be checked with a calculator."""
    found = {row["meter"]: row for row in rows(billed, "meter") if row["kind"] == "usage"}
    assert found["second"]["quantity"] == Decimal("12.345678")
    assert found["second"]["total_cost"] == Decimal("0.0012345678")
    assert found["provisioned"]["quantity"] == Decimal("90.370371")


def test_days_come_in_order_and_are_not_compared(billed: Store) -> None:
    """A day has no month before."""
    found = rows(billed, "day")
    assert [row["day"] for row in found] == sorted(row["day"] for row in found)
    assert "previous_cost" not in found[0]


def test_currencies_stay_apart_and_requests_are_counted_once(store: Store) -> None:
    """A team that pays in two currencies has two rows."""
    for number, currency in enumerate(("USD", "EUR")):
        charge(
            store, hour=OCTOBER, team="a", meter="input", rate_id=f"file:{number}", requests=1,
            quantity=Decimal(1), cost=Decimal(1), currency=currency,
        )  # fmt: skip
    assert {(row["currency"], row["total_cost"]) for row in rows(store)} == {("USD", 1), ("EUR", 1)}


def test_a_large_total_keeps_its_last_digit(store: Store) -> None:
    """Sums are not rounded to Python's default 28 digits."""
    for day, cost in enumerate(("12345678901234.000000000000000001", "0.1")):
        charge(
            store, hour=OCTOBER + timedelta(days=day), team="a", meter="input", rate_id="file:1",
            requests=1, quantity=Decimal(1), cost=Decimal(cost), currency="USD",
        )  # fmt: skip
    provisioned(store, OCTOBER, "k_1", "app", "a", "1")
    (row,) = rows(store)
    assert row["total_cost"] == Decimal("12345678901235.200000000000000001")


def test_what_cannot_be_split_by_is_refused(billed: Store) -> None:
    """With the list of what can."""
    with pytest.raises(QueryError, match="cannot be split by 'colour'"):
        rows(billed, "colour")
