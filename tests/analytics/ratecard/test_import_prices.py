"""Importing lists: history stays, changes end, contracts follow."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from analytics.ratecard.import_prices import Imported, import_prices
from analytics.ratecard.price_files import find_price_files, read_price_files
from analytics.ratecard.retail_prices import read_price_list
from analytics.ratecard.seed import seed
from analytics.ratecard.write_rates import Changes
from tests.analytics.ratecard.made_answers import item, page, save
from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analytics.load import Loader
    from analytics.store import Store
    from tests.analytics.samples import FakeClock

Bring = Any
RATES = """
    SELECT price * 1000000 AS price, currency, region, valid_from, valid_to FROM rates
    WHERE source = '{source}' AND meter = 'input' AND model LIKE 'gpt-4.1-mini'
    ORDER BY valid_from, price
"""
REGIONAL = "gpt 4.1 mini Inp regnl Tokens"
APRIL = datetime(2025, 4, 1, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def bring(store: Store, clock: FakeClock, tmp_path: Path) -> Callable[..., Imported]:
    """Imports an answer with these items."""

    def bring(*items: dict[str, Any], **options: Any) -> Imported:
        file = save(tmp_path / "prices.json", page(*items))
        prices = read_price_list(read_price_files(find_price_files([file])))
        return import_prices(store, clock, prices, **options)

    return bring


def stored(store: Store, source: str = "azure-retail") -> list[tuple[Any, ...]]:
    """The input rates of gpt-4.1-mini from a source."""
    return store.frame(RATES.format(source=source)).rows()


def small(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A million tokens into gpt-4.1-mini."""
    usage: dict[str, Any] = {
        "input_tokens": 1_000_000,
        "cached_input_tokens": None,
        "output_tokens": None,
    }
    return event(number, response_model="gpt-4.1-mini-2025-04-14", **usage, **fields)


def test_an_imported_price_wins_over_the_installed_list(
    bring: Bring, loader: Loader, store: Store
) -> None:
    """What Azure asks today is charged, in the currency it was asked for in."""
    assert bring(item(0.00037, currencyCode="EUR")).rates == Changes(added=1)
    load(loader, small())
    row = store.frame("SELECT cost, currency FROM events").row(0)
    assert row == (Decimal("0.37"), "EUR")


def test_the_same_list_again_changes_nothing(bring: Bring, store: Store) -> None:
    """An import may be repeated at any time."""
    bring(item(0.0005))
    before = stored(store)
    assert bring(item(0.0005)) == Imported(Changes(), Changes())
    assert stored(store) == before


def test_a_changed_price_ends_where_the_next_begins_and_stays(
    bring: Bring, loader: Loader, store: Store, clock: FakeClock
) -> None:
    """Usage is priced by its own day, also when the newer list says nothing of the past."""
    bring(item(0.0005))
    later = item(0.0003, effectiveStartDate="2026-10-01T00:00:00Z")
    assert bring(later).rates == Changes(added=1, ended=1)
    assert [(row[0], row[3], row[4]) for row in stored(store)] == [
        (Decimal("0.5"), APRIL, OCTOBER),
        (Decimal("0.3"), OCTOBER, None),
    ]
    clock.advance(minutes=1)
    load(loader, small(1, at=datetime(2026, 9, 30, 23, tzinfo=UTC)), small(2, at=OCTOBER))
    costs = store.frame("SELECT cost FROM events ORDER BY started_at").to_series().to_list()
    assert costs == [Decimal("0.5"), Decimal("0.3")]


def test_a_meter_that_the_list_forgets_keeps_its_price(bring: Bring, store: Store) -> None:
    """An answer for another model ends nothing."""
    bring(item(0.0005))
    assert bring(item(0.002, "gpt 4.1 Inp glbl Tokens")).rates == Changes(added=1)
    assert stored(store)[0][4] is None


def test_a_list_of_one_region_leaves_the_other_regions_alone(bring: Bring, store: Store) -> None:
    """Filtering by region is no way to lose the others' prices."""
    bring(item(0.0005, REGIONAL), item(0.0006, REGIONAL, armRegionName="westeurope"))
    assert bring(item(0.0004, REGIONAL)).rates == Changes(added=1, ended=1)
    open_now = {row[2]: row[0] for row in stored(store) if row[4] is None}
    assert open_now == {"swedencentral": Decimal("0.4"), "westeurope": Decimal("0.6")}


def test_a_list_in_another_currency_takes_the_place_of_the_one_before(
    bring: Bring, store: Store
) -> None:
    """A price does not hold in two currencies at once."""
    bring(item(0.0005))
    bring(item(0.00045, currencyCode="EUR"))
    assert [row[1] for row in stored(store) if row[3:] == (APRIL, None)] == ["EUR"]


def test_a_dry_run_tells_the_same_and_changes_nothing(bring: Bring, store: Store) -> None:
    """What would change can be looked at first."""
    bring(item(0.0005))
    before = stored(store)
    told = bring(item(0.0003), dry_run=True)
    assert stored(store) == before
    assert bring(item(0.0003)) == told == Imported(Changes(added=1, ended=1), Changes())


def test_the_contract_follows_an_import(
    bring: Bring, store: Store, clock: FakeClock, tmp_path: Path, loader: Loader
) -> None:
    """A discount is off the list as it is, from the moment that the list is imported."""
    file = tmp_path / "rates.toml"
    file.write_text("[[discounts]]\nname = 'EA'\npercent = 10\nmodel = 'gpt-4.1-mini'\n")
    seed(store, clock, file=file)
    before = stored(store, "contract")
    done = bring(item(0.0005), file=file)
    assert done.contract.added == 1
    assert len(stored(store, "contract")) == len(before) + 1
    clock.advance(minutes=1)
    load(loader, small())
    charge = """
        SELECT c.cost, r.source, r.list_price * 1000000, l.source
        FROM charges_hourly AS c JOIN rates AS r USING (rate_id)
        JOIN rates AS l ON l.rate_id = r.list_rate_id
    """
    assert store.frame(charge).rows() == [
        (Decimal("0.45"), "contract", Decimal("0.5"), "azure-retail")
    ]
    assert seed(store, clock, file=file) == 0


def test_regional_usage_outside_the_list_keeps_the_installed_price(
    bring: Bring, loader: Loader, store: Store
) -> None:
    """An import of one region leaves the others to the installed list."""
    bring(item(0.0009, REGIONAL))
    here = attempt(deployment_type="regional", region="swedencentral")
    there = attempt(deployment_type="regional", region="westeurope")
    load(loader, small(1, attempts=[here]), small(2, attempts=[there]))
    costs = store.frame("SELECT cost FROM events ORDER BY started_at").to_series().to_list()
    assert costs[0] == Decimal("0.9")
    assert costs[1] not in {None, Decimal("0.9")}
