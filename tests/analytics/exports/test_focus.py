"""FOCUS: a standard file whose money is exact and complete."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from analytics.errors import ExportError
from analytics.exports.columns import VERSIONS, Version, focus_columns
from analytics.exports.focus import FocusRequest, export_focus, focus_table
from analytics.exports.parties import Parties
from analytics.exports.period import Period
from analytics.load import Loader
from analytics.store import Store
from tests.analytics.exports.charges import BLOCK, OCTOBER, charge
from tests.analytics.samples import event, load

REQUEST = FocusRequest(Period.month("2026-10"), Parties())
TOTAL = Decimal("166.9594270678")
ONE_KEY = {
    "hour": OCTOBER, "key_id": "k_1", "key_name": "app", "team": "a", "backend": "b",
    "deployment": "d", "deployment_type": "global", "model": "m", "meter": "input",
    "requests": 1, "currency": "USD",
}  # fmt: skip


def rows(store: Store, request: FocusRequest = REQUEST) -> list[dict[str, Any]]:
    """The rows of an export."""
    found: list[dict[str, Any]] = focus_table(store, request).to_pylist()
    return found


def total(found: Sequence[dict[str, Any]], column: str) -> Decimal:
    """The sum of a column."""
    return sum((row[column] for row in found), Decimal(0))


def stored_total(store: Store) -> Decimal:
    """What the store says October cost."""
    answer = store.frame(
        "SELECT sum(cost) FROM charges WHERE hour >= $since AND hour < $until",
        {"since": REQUEST.period.since, "until": REQUEST.period.until},
    )
    cost: Decimal = answer.item()
    return cost


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("granularity", ["hour", "day", "month"])
def test_billed_and_effective_cost_are_the_store_s_to_the_last_digit(
    billed: Store, version: Version, granularity: Any
) -> None:
    """Whatever the split, finance gets all the money, once."""
    request = replace(REQUEST, version=version, granularity=granularity)
    found = rows(billed, request)
    assert total(found, "BilledCost") == total(found, "EffectiveCost") == TOTAL
    assert stored_total(billed) == TOTAL


@pytest.mark.parametrize("version", VERSIONS)
def test_unit_price_times_quantity_is_the_cost_exactly(billed: Store, version: Version) -> None:
    """The two identities of FOCUS hold without a tolerance, in every row."""
    found = rows(billed, replace(REQUEST, version=version))
    for row in found:
        assert row["ListUnitPrice"] * row["PricingQuantity"] == row["ListCost"]
        assert row["ContractedUnitPrice"] * row["PricingQuantity"] == row["ContractedCost"]
        if row["CommitmentDiscountId"] is None:
            assert row["ContractedCost"] == row["BilledCost"] == row["EffectiveCost"]
    assert len(found) > 20


def test_the_columns_are_those_of_the_version_and_ours_come_last() -> None:
    """1.3 adds the split of costs and the providers, and still has the names it deprecates."""
    old, new = ([column.name for column in focus_columns(version)] for version in VERSIONS)
    assert set(new) - set(old) == {
        "AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId",
        "AllocatedResourceName", "AllocatedTags", "ContractApplied", "HostProviderName",
        "ServiceProviderName",
    }  # fmt: skip
    assert {"ProviderName", "PublisherName"} <= set(new)
    for names in (old, new):
        own = [name.startswith("x_") for name in names]
        assert own == sorted(own)
    assert [sum(not name.startswith("x_") for name in names) for names in (old, new)] == [57, 65]


def test_a_price_that_everybody_knows(loader: Loader, store: Store) -> None:
    """A million input tokens of gpt-4.1-mini cost 0.40 USD, a row of 0.0000004 each."""
    mini = event(
        1, at=OCTOBER, response_model="gpt-4.1-mini-2025-04-14", input_tokens=1_000_000,
        cached_input_tokens=None, output_tokens=None,
    )  # fmt: skip
    load(loader, mini)
    (row,) = rows(store)
    assert row["BilledCost"] == Decimal("0.4")
    assert row["ListUnitPrice"] == Decimal("0.0000004")
    assert (row["PricingQuantity"], row["PricingUnit"]) == (1_000_000, "Tokens")
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == (1_000_000, "Tokens")
    assert row["SkuMeter"] == "Input tokens"
    assert json.loads(row["SkuPriceDetails"])["x_SourceName"] == "gpt 4.1 mini Inp glbl Tokens"
    assert row["SkuPriceId"].startswith("azure-genai-prices:")


def test_a_row_says_who_used_which_deployment(billed: Store) -> None:
    """Team, key, deployment and region stand where FinOps tools look for them."""
    row = next(row for row in rows(billed) if row["x_KeyName"] == "crm")
    assert (row["SubAccountId"], row["SubAccountType"]) == ("sales", "Team")
    assert json.loads(row["Tags"]) == {
        "gatemeter:key_id": "k_00000000000000c3",
        "gatemeter:key": "crm",
        "gatemeter:team": "sales",
    }
    assert (row["ResourceId"], row["ResourceName"]) == ("sweden/chat", "chat")
    assert (row["RegionId"], row["RegionName"]) == ("swedencentral", "Sweden Central")
    assert (row["ServiceCategory"], row["PricingCategory"]) == (
        "AI and Machine Learning",
        "Standard",
    )


def test_a_key_can_be_the_sub_account_and_a_backend_an_azure_resource(billed: Store) -> None:
    """The settings decide both; a row without team or key has no sub account at all."""
    account = "/subscriptions/0/providers/Microsoft.CognitiveServices/accounts/contoso"
    parties = Parties(sub_account="key", resource_ids={"sweden": account}, provider="Azure")
    found = rows(billed, FocusRequest(REQUEST.period, parties))
    row = next(row for row in found if row["x_KeyName"] == "crm")
    assert (row["SubAccountId"], row["SubAccountName"]) == ("k_00000000000000c3", "crm")
    assert row["SubAccountType"] == "Key"
    assert row["ResourceId"] == f"{account}/deployments/chat"
    assert {row["ProviderName"] for row in found} == {"Azure"}
    nobody = [row for row in found if row["x_KeyId"] is None and row["x_Meter"] != "provisioned"]
    assert {row["SubAccountType"] for row in nobody} == {None}


def test_estimated_usage_is_marked(billed: Store) -> None:
    """Finance can tell what was counted from what was guessed."""
    guessed = [row for row in rows(billed) if row["x_UsageSource"] == "estimated"]
    assert total(guessed, "EffectiveCost") == Decimal("0.00325")


def test_usage_without_a_price_is_left_out_and_listed_beside(billed: Store, tmp_path: Path) -> None:
    """A FOCUS file allows no empty cost; nothing is made zero, nothing is forgotten."""
    summary = export_focus(billed, REQUEST, tmp_path / "october.csv")
    assert summary.unpriced.file == tmp_path / "october.unpriced.csv"
    assert (summary.unpriced.rows, summary.unpriced.requests) == (3, 1)
    with summary.unpriced.file.open() as file:
        left_out = list(csv.DictReader(file))
    assert {row["reason"] for row in left_out} == {"unknown_model"}
    assert {row["meter"] for row in left_out} == {"input", "cached_input", "output"}
    assert "gpt-99" not in {row["x_Model"] for row in rows(billed)}


def test_a_list_of_unpriced_usage_goes_when_there_is_none_any_more(
    store: Store, tmp_path: Path
) -> None:
    """An old list beside a new export would be wrong."""
    stale = tmp_path / "october.unpriced.csv"
    stale.write_text("old")
    assert export_focus(store, REQUEST, tmp_path / "october.csv").unpriced.file is None
    assert not stale.exists()


def test_csv_and_parquet_say_the_same(billed: Store, tmp_path: Path) -> None:
    """The same rows, the same digits, times as FOCUS writes them; decimals stay decimals."""
    export_focus(billed, REQUEST, tmp_path / "october.csv")
    export_focus(billed, REQUEST, tmp_path / "october.parquet")
    table = pq.read_table(tmp_path / "october.parquet")
    assert str(table.schema.field("BilledCost").type) == "decimal128(38, 18)"
    with (tmp_path / "october.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert len(written) == table.num_rows
    for text, row in zip(written, table.to_pylist(), strict=True):
        for name, value in row.items():
            if isinstance(value, Decimal | int):
                assert Decimal(text[name]) == value
            elif isinstance(value, datetime):
                assert text[name] == value.strftime("%Y-%m-%dT%H:%M:%SZ")
            else:
                assert text[name] == (value or "")
    assert '"Legal", and tax' in {text["SubAccountName"] for text in written}


def test_a_folder_gets_a_file_for_each_billing_period(billed: Store, tmp_path: Path) -> None:
    """As providers deliver: one file a month, which together hold everything."""
    period = Period(OCTOBER - timedelta(days=30), OCTOBER + timedelta(days=60))
    summary = export_focus(billed, FocusRequest(period, Parties()), tmp_path / "focus")
    names = [f"focus-1.2-2026-{month}.parquet" for month in ("09", "10", "11")]
    assert [file.name for file in summary.files] == names
    assert sum(pq.read_table(file).num_rows for file in summary.files) == summary.rows
    october = pq.read_table(summary.files[1]).to_pylist()
    assert total(october, "BilledCost") == TOTAL
    assert {row["BillingPeriodStart"] for row in october} == {OCTOBER}
    assert {row["BillingPeriodEnd"] for row in october} == {datetime(2026, 11, 1, tzinfo=UTC)}


def test_an_empty_month_is_a_valid_file_without_rows(store: Store, tmp_path: Path) -> None:
    """A loader that expects a file each month finds one, with all columns."""
    for name in ("empty.csv", "empty.parquet"):
        summary = export_focus(store, REQUEST, tmp_path / name)
        assert (summary.rows, summary.totals) == (0, ())
    header = (tmp_path / "empty.csv").read_text().splitlines()
    assert header == [",".join(column.name for column in focus_columns("1.2"))]
    assert pq.read_table(tmp_path / "empty.parquet").num_rows == 0


def test_a_contract_keeps_the_list_price_beside_its_own(store: Store) -> None:
    """What the discount saved is ListCost less ContractedCost."""
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO rates (rate_id, provider, model, meter, service_tier, context_tier, "
            "currency, unit, price, list_price, list_rate_id, valid_from, source) VALUES "
            "('contract:1', 'azure', 'm', 'input', 'standard', 'standard', 'USD', 'token', "
            "0.0000021, 0.0000025, 'azure-genai-prices:2', TIMESTAMPTZ '2026-01-01 00:00:00Z', "
            "'file')"
        )
    cost = Decimal(1000) * Decimal("0.0000021")
    charge(store, **ONE_KEY, rate_id="contract:1", quantity=Decimal(1000), cost=cost)
    (row,) = rows(store)
    assert (row["ListUnitPrice"], row["ListCost"]) == (Decimal("0.0000025"), Decimal("0.0025"))
    assert (row["ContractedUnitPrice"], row["ContractedCost"]) == (Decimal("0.0000021"), cost)
    assert row["BilledCost"] == row["EffectiveCost"] == cost


def test_a_charge_whose_rate_is_gone_is_priced_as_one_whole(store: Store) -> None:
    """The money stays right, and the identities hold, though nobody knows the price any more."""
    cost = Decimal("0.000000000000000007")
    charge(store, **ONE_KEY, rate_id="file:gone", quantity=Decimal(3), cost=cost)
    (row,) = rows(store)
    assert (row["PricingQuantity"], row["PricingUnit"]) == (1, "Charges")
    assert row["ListUnitPrice"] == row["ContractedCost"] == row["BilledCost"] == cost
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == (3, "Tokens")
    assert row["PricingCategory"] == "Other"


def test_a_correction_nets_out_and_what_stays_below_zero_is_marked(store: Store) -> None:
    """Rollups are corrected by subtracting; FOCUS names only what is left of it alone."""
    charge(store, **ONE_KEY, rate_id="file:1", quantity=Decimal(10), cost=Decimal(5))
    charge(store, **ONE_KEY, rate_id="file:1", quantity=Decimal(-10), cost=Decimal(-5))
    assert rows(store) == []
    charge(store, **ONE_KEY, rate_id="file:1", quantity=Decimal(-4), cost=Decimal(-2))
    (row,) = rows(store)
    assert (row["ChargeClass"], row["BilledCost"]) == ("Correction", Decimal(-2))


def test_currencies_are_kept_apart(store: Store, tmp_path: Path) -> None:
    """Nothing is added up across currencies."""
    for currency, cost in (("USD", 1), ("EUR", 2)):
        kept = {**ONE_KEY, "currency": currency}
        charge(store, **kept, rate_id=f"file:{cost}", quantity=Decimal(1), cost=Decimal(cost))
    summary = export_focus(store, REQUEST, tmp_path / "october.csv")
    found = {one.currency: one.billed_cost for one in summary.totals}
    assert found == {"EUR": Decimal(2), "USD": Decimal(1)}


def test_days_can_be_those_of_a_business_zone(store: Store, loader: Loader) -> None:
    """A charge period begins at midnight there, and October ends an hour late in Berlin's UTC."""
    for number, at in enumerate(
        (datetime(2026, 9, 30, 21, tzinfo=UTC), datetime(2026, 9, 30, 22, tzinfo=UTC),
         datetime(2026, 10, 31, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)), 1
    ):  # fmt: skip
        load(loader, event(number, at=at))
    found = rows(store, FocusRequest(Period.month("2026-10", "Europe/Berlin"), Parties()))
    assert {row["ChargePeriodStart"] for row in found} == {
        datetime(2026, 9, 30, 22, tzinfo=UTC),
        datetime(2026, 10, 30, 23, tzinfo=UTC),
    }
    assert {row["BillingPeriodEnd"] for row in found} == {datetime(2026, 10, 31, 23, tzinfo=UTC)}


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata"])
def test_hours_are_those_of_the_clock_that_never_jumps(store: Store, zone: str) -> None:
    """The hour that Berlin shows twice is two rows; no zone moves an hour by half of one."""
    day = datetime(2026, 10, 25, tzinfo=UTC)
    for hour in range(24):
        kept = {**ONE_KEY, "hour": day + timedelta(hours=hour)}
        charge(store, **kept, rate_id="file:1", quantity=Decimal(1), cost=Decimal(hour + 1))
    month = Period.month("2026-10", zone)
    found = rows(store, FocusRequest(month, Parties(), granularity="hour"))
    periods = [(row["ChargePeriodStart"], row["ChargePeriodEnd"]) for row in found]
    starts = [day + timedelta(hours=hour) for hour in range(24)]
    assert periods == [(start, start + timedelta(hours=1)) for start in starts]
    assert [row["BilledCost"] for row in found] == list(range(1, 25))


def test_provisioned_throughput_is_bought_used_and_left_unused(billed: Store) -> None:
    """What was bought is billed once; what the keys used of it, and nobody, adds up to it."""
    block = [row for row in rows(billed) if row["CommitmentDiscountId"] == BLOCK]
    bought = [row for row in block if row["ChargeCategory"] == "Purchase"]
    used = [row for row in block if row["CommitmentDiscountStatus"] == "Used"]
    (unused,) = [row for row in block if row["CommitmentDiscountStatus"] == "Unused"]
    assert total(bought, "BilledCost") == total([*used, unused], "EffectiveCost") == 165
    assert total(bought, "EffectiveCost") == total([*used, unused], "BilledCost") == 0
    assert {row["SubAccountName"] for row in used} == {"search", "sales"}
    assert unused["CommitmentDiscountQuantity"] == Decimal("59.629629")
    assert (unused["ConsumedQuantity"], unused["SubAccountId"]) == (None, None)
    assert unused["ResourceId"] == bought[0]["ResourceId"] == BLOCK
    assert {row["ResourceName"] for row in used} == {"reserved"}
    assert {row["PricingCategory"] for row in (*used, unused)} == {"Committed"}
    assert {row["CommitmentDiscountUnit"] for row in block} == {"PTU-Hours"}


def test_version_1_3_tells_how_a_block_was_split(billed: Store) -> None:
    """The shares of a deployment's hours add up to one; who they are for stands in its columns."""
    found = rows(billed, replace(REQUEST, version="1.3"))
    split = [row for row in found if row["AllocatedMethodId"]]
    assert {row["AllocatedResourceName"] for row in split} == {"search-app", "crm"}
    details = [
        json.loads(row["AllocatedMethodDetails"], parse_float=Decimal)["Elements"][0]
        for row in split
    ]
    assert sum(one["AllocatedRatio"] for one in details) == 1
    assert {one["UsageUnit"] for one in details} == {"PTU-Hours"}
    for row in split:
        # what they were split from is nobody's: the same in every part
        assert (row["SubAccountId"], row["Tags"]) == (None, None)
        assert json.loads(row["AllocatedTags"])["gatemeter:team"] == row["x_Team"]
    assert all(row["AllocatedResourceId"] is None for row in found if row not in split)
    assert {row["ServiceProviderName"] for row in found} == {"Microsoft"}


def test_one_price_belongs_to_one_sku(billed: Store) -> None:
    """Cached tokens that are billed as input stand under the input's SKU, with their own meter."""
    skus: dict[str, set[str]] = {}
    for row in rows(billed):
        skus.setdefault(row["SkuPriceId"], set()).add(row["SkuId"])
    assert {len(names) for names in skus.values()} == {1}


def test_progress_counts_up_to_all_rows(billed: Store, tmp_path: Path) -> None:
    """A bar can be drawn."""
    seen: list[tuple[int, int]] = []
    summary = export_focus(
        billed, REQUEST, tmp_path / "a.csv", lambda done, all_: seen.append((done, all_))
    )
    assert seen[-1] == (summary.rows, summary.rows)


def test_a_file_that_cannot_be_written_is_one_sentence(store: Store, tmp_path: Path) -> None:
    """Not a trace."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written"):
        export_focus(store, REQUEST, tmp_path / "file" / "october.csv")


def test_a_large_amount_keeps_its_last_digit(store: Store, tmp_path: Path) -> None:
    """Money is not rounded to what a float, or Python's default decimals, can hold."""
    cost = Decimal("12345678901234.000000000000000001")
    charge(store, **ONE_KEY, rate_id="file:1", quantity=Decimal(1), cost=cost)
    summary = export_focus(store, REQUEST, tmp_path / "a.csv")
    assert summary.totals[0].billed_cost == cost
    with (tmp_path / "a.csv").open() as file:
        assert [row["BilledCost"] for row in csv.DictReader(file)] == [str(cost)]


def test_late_traffic_is_in_an_export_that_is_made_again(loader: Loader, store: Store) -> None:
    """It stands in the day it happened, and the other days stay as they were."""
    load(loader, event(1, at=OCTOBER))
    before = rows(store)
    load(loader, event(2, at=OCTOBER + timedelta(days=9)))
    after = rows(store)
    assert after[: len(before)] == before
    assert total(after, "BilledCost") - total(before, "BilledCost") == Decimal("0.00325")
