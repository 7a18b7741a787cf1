"""A whole bill beside a whole store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.errors import ExportError, QueryError
from analytics.exports.reconcile import Reconciliation, reconcile, reconciliation_table
from analytics.store import Store
from tests.analytics.exports.charges import OCTOBER, charge
from tests.analytics.exports.reconcile.bills import (
    ACCOUNT,
    CACHED,
    INPUT,
    OUTPUT,
    line,
    write_bill,
)

ACCOUNTS = {"sweden": "contoso-sweden"}
FIRST = "10/01/2026"
# What the store has on the first of October, as Azure bills it.
SAME = [
    line(INPUT, "778.377", "1.9459425", Date=FIRST),
    line(CACHED, "0.4", "0.0005", Date=FIRST),
    line(OUTPUT, "0.2", "0.002", Date=FIRST),
]


def compare(
    store: Store, folder: Path, *lines: Mapping[str, str], **options: Any
) -> Reconciliation:
    """Reconcile a bill of these lines."""
    path = write_bill(folder / "bill.csv", lines)
    return reconcile(store, [path], **{"accounts": ACCOUNTS, **options})


def test_a_bill_of_what_passed_the_gateway_has_no_difference(billed: Store, tmp_path: Path) -> None:
    """Day by day and meter by meter the same, and all of it captured."""
    found = compare(billed, tmp_path, *SAME)
    assert found.billed_cost == found.our_cost == Decimal("1.9484425")
    assert (dict(found.causes), found.currency) == ({}, "USD")
    assert found.captured_cost == found.models_cost == found.billed_cost
    assert (found.first, found.last) == (date(2026, 10, 1), date(2026, 10, 1))
    assert {row.resource for row in found.rows} == {"contoso-sweden"}


def test_every_difference_is_explained_and_the_causes_add_up(billed: Store, tmp_path: Path) -> None:
    """One bill with everything that can differ."""
    found = compare(
        billed,
        tmp_path,
        line(INPUT, "1778.377", "4.4459425", Date=FIRST),  # a million past the gateway
        line(CACHED, "0.4", "0.001", Date=FIRST),  # at twice our price
        line(OUTPUT, "0.2", "0.002", Date=FIRST),
        line(INPUT, "0.9", "0.00225"),  # a day with an estimate of ours
        line(CACHED, "0.2", "0.00025"),
        line("gpt 99 Inp glbl Tokens", "1.0", "0.08"),  # no price here, cached or not
        line("D2 v3", "24", "2.4", MeterCategory="Virtual Machines", MeterSubCategory="Dv3",
             ProductName="VM", UnitOfMeasure="1 Hour", ResourceId="/subscriptions/0/vm"),
        line("gpt-4o-mini-FT-Hosting", "24", "40.8", UnitOfMeasure="1 Hour"),
        line("", "1", "99", ChargeType="Purchase", MeterCategory="", ProductName="Reservation"),
    )  # fmt: skip
    assert sum(found.causes.values()) == found.billed_cost - found.our_cost
    assert found.causes == {
        "purchases": 99,
        "unread_meters": Decimal("40.8"),
        "outside_gateway": Decimal("2.5"),
        "other_services": Decimal("2.4"),
        "unpriced": Decimal("0.08"),
        "price": Decimal("0.0005"),
        "estimated": Decimal("0.00025"),
        "not_billed": Decimal("-0.001"),  # the estimate's output is not on the bill
    }
    assert found.models_cost == found.billed_cost - 99 - Decimal("2.4")
    assert found.captured_cost == found.models_cost - Decimal("2.5") - Decimal("40.8")


def test_the_table_names_the_rate_that_a_price_differs_from(billed: Store, tmp_path: Path) -> None:
    """Who wants to know why reads the rate's id, our price and theirs."""
    dear = line(CACHED, "0.4", "0.001", Date=FIRST)
    frame = reconciliation_table(compare(billed, tmp_path, SAME[0], dear, SAME[2]))
    row = frame.row(0, named=True)
    assert row["meter"] == "gpt-4o 1120 cached input global"
    assert row["billed_price"] == Decimal("0.0000025")
    assert row["rates"].startswith("azure-genai-prices:")
    assert row["rates"].endswith(" 0.00000125")
    assert (row["difference"], row["price"]) == (Decimal("0.0005"), Decimal("0.0005"))
    assert row["why"] == "price +0.000500"
    assert frame["why"].to_list()[1:] == ["the same", "the same"]


def test_the_table_can_be_split_by_day_and_resource(billed: Store, tmp_path: Path) -> None:
    """Every split adds up to the same."""
    found = compare(billed, tmp_path, *SAME, line(INPUT, "5", "0.0125"))
    for by in (("day",), ("resource",), ("day", "meter", "resource"), ()):
        frame = reconciliation_table(found, by)
        assert frame["difference"].sum() == found.billed_cost - found.our_cost
        assert tuple(frame.columns[: len(by)]) == by
    with pytest.raises(QueryError, match="only by day, resource, meter"):
        reconciliation_table(found, ["colour"])


def test_a_resource_counts_apart_where_both_sides_know_it(store: Store, tmp_path: Path) -> None:
    """Too much on one account does not make up for too little on another."""
    for backend in ("sweden", "france.openai.azure.com"):
        charge(
            store, hour=OCTOBER, backend=backend, model="gpt-4o", model_version="2024-11-20",
            deployment_type="global", meter="input", rate_id=f"file:{backend}", requests=1,
            quantity=Decimal(1000), cost=Decimal("0.0025"), currency="USD",
        )  # fmt: skip
    bill = (
        line(INPUT, "1.5", "0.00375", Date=FIRST),
        line(INPUT, "0.5", "0.00125", Date=FIRST, ResourceId=f"{ACCOUNT}france"),
    )
    apart = compare(store, tmp_path, *bill)
    assert apart.causes == {
        "outside_gateway": Decimal("0.00125"),
        "not_billed": Decimal("-0.00125"),
    }
    unknown = [{**one, "ResourceId": f"{ACCOUNT}renamed"} for one in bill]
    assert compare(store, tmp_path, *unknown).causes == {}


def test_traffic_near_midnight_is_recognised(billed: Store, tmp_path: Path) -> None:
    """What Azure counts on the day after is a matter of clocks, not of money."""
    found = compare(
        billed, tmp_path, line(INPUT, "777.577", "1.9439425", Date=FIRST), *SAME[1:],
        line(INPUT, "1.6", "0.004"), line(CACHED, "0.2", "0.00025"), line(OUTPUT, "0.1", "0.001"),
    )  # fmt: skip
    days = {row.day: row for row in found.rows if row.meter == "gpt-4o 1120 input global"}
    moved = [days[date(2026, 10, day)].explained.causes["day_boundary"] for day in (1, 2)]
    assert moved == [Decimal("-0.002"), Decimal("0.002")]
    assert "not_billed" not in found.causes
    assert "outside_gateway" not in found.causes


def test_hours_of_provisioned_throughput_are_compared_as_such(
    billed: Store, tmp_path: Path
) -> None:
    """A block is on the bill by the hour; its tokens are on no meter."""
    hours = line(
        "Provisioned Managed Global Unit", "150", "150", Date="10/04/2026",
        UnitOfMeasure="1/Hour",
    )  # fmt: skip
    found = compare(billed, tmp_path, hours)
    (row,) = found.rows
    assert row.sides.billed_quantity == row.sides.quantity == 150
    assert found.causes == {"price": -15}
    more = {**hours, "Quantity": "200", "CostInBillingCurrency": "220"}
    assert compare(billed, tmp_path, more).causes == {"provisioned": 55}


def test_seconds_of_speech_are_compared_with_hours(billed: Store, tmp_path: Path) -> None:
    """Azure sells Whisper by the hour."""
    spoken = line(
        "Speech-to-Text-Batch-Whisper-glbl Unit", "0.003429355", "0.0012345678", Date="10/03/2026",
        UnitOfMeasure="1 Hour",
    )  # fmt: skip
    found = compare(billed, tmp_path, spoken)
    row = next(row for row in found.rows if "whisper" in row.meter)
    assert row.sides.quantity == Decimal("12.345678")
    assert dict(row.explained.causes) == {}


def test_other_currencies_need_a_rate_of_exchange(billed: Store, tmp_path: Path) -> None:
    """Nothing is subtracted across currencies by accident."""
    euros = [
        {**one, "BillingCurrencyCode": "EUR", "CostInBillingCurrency": cost}
        for one, cost in zip(SAME, ("0.97297125", "0.00025", "0.001"), strict=True)
    ]
    with pytest.raises(ExportError, match="the bill is in EUR and the charges in USD"):
        compare(billed, tmp_path, *euros)
    found = compare(billed, tmp_path, *euros, exchange_rate=Decimal("0.5"))
    assert (found.causes, found.billed_cost) == ({}, Decimal("1.9484425"))


def test_charges_in_another_currency_are_named_and_not_compared(
    store: Store, tmp_path: Path
) -> None:
    """The reader knows what is missing from the comparison."""
    for currency in ("USD", "EUR"):
        charge(
            store, hour=OCTOBER, model="gpt-4o", deployment_type="global", meter="input",
            rate_id=f"file:{currency}", requests=1, quantity=Decimal(1000),
            cost=Decimal("0.0025"), currency=currency,
        )  # fmt: skip
    found = compare(store, tmp_path, line(INPUT, "2", "0.005", Date=FIRST))
    assert (found.currency, found.other_currencies) == ("USD", ("EUR",))
    assert found.our_cost == Decimal("0.0025")


def test_an_empty_bill_and_an_empty_store(store: Store, tmp_path: Path) -> None:
    """No lines is an error; no charges means that everything went round the gateway."""
    with pytest.raises(ExportError, match="has no lines"):
        compare(store, tmp_path)
    found = compare(store, tmp_path, *SAME)
    assert found.causes == {"outside_gateway": found.billed_cost}
    assert found.captured_cost == 0
