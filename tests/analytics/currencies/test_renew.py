"""The table of exchange rates is the file."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from analytics.currencies import (
    ExchangeRates,
    exchange_rates_of,
    read_exchange_rates,
    renew_exchange_rates,
)
from analytics.errors import ExchangeRatesError
from tests.analytics.charged import exchange
from tests.analytics.samples import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.store import Store

ECB = ("2026-11-02,EUR,USD,1.0842", "2026-11-03,EUR,USD,1.0857", "2026-11-02,EUR,GBP,0.8612")


def table(store: Store) -> list[tuple[str, str, str | None, str, str]]:
    """The table, in order, as texts."""
    return store.frame(
        "SELECT from_currency || '/' || to_currency AS pair, valid_from::VARCHAR, "
        "valid_to::VARCHAR, rate::VARCHAR, source FROM exchange_rates ORDER BY pair, valid_from"
    ).rows()


def snapshots(store: Store) -> int:
    """How often the store was written to."""
    return int(store.frame("SELECT count(*) FROM ducklake_snapshots('usage')").item())


def test_the_table_holds_the_file_and_what_follows_for_one_currency(
    store: Store, tmp_path: Path
) -> None:
    """Analysts join it: everything into the currency of the reports."""
    exchange(store, tmp_path, ECB, currency="USD")
    assert table(store) == [
        ("EUR/GBP", "2026-11-02", None, "0.86120000", "file"),
        ("EUR/USD", "2026-11-02", "2026-11-03", "1.08420000", "file"),
        ("EUR/USD", "2026-11-03", None, "1.08570000", "file"),
        ("GBP/USD", "2026-11-02", "2026-11-03", "1.25894101", "cross over EUR"),
        ("GBP/USD", "2026-11-03", None, "1.26068277", "cross over EUR"),
    ]


def test_the_same_file_writes_nothing(store: Store, tmp_path: Path) -> None:
    """Every start of a consumer asks, and none but the first costs a commit."""
    path = exchange(store, tmp_path, ECB)
    before = snapshots(store)
    assert renew_exchange_rates(store, FakeClock(), file=path, currency="USD") == 0
    assert snapshots(store) == before


def test_a_corrected_rate_replaces_the_wrong_one(store: Store, tmp_path: Path) -> None:
    """Only what changed is written; what followed from it changes too."""
    exchange(store, tmp_path, ECB)
    path = tmp_path / "rates.csv"
    path.write_text(path.read_text().replace("1.0857", "1.0859"))
    assert renew_exchange_rates(store, FakeClock(), file=path, currency="USD") == 2
    changed = [row[3:] for row in table(store) if row[1] == "2026-11-03"]
    assert changed == [("1.08590000", "file"), ("1.26091500", "cross over EUR")]


def test_another_currency_of_reports_has_its_own(store: Store, tmp_path: Path) -> None:
    """Who changes the setting finds the rates into the new currency at the next start."""
    path = exchange(store, tmp_path, ECB)
    renew_exchange_rates(store, FakeClock(), file=path, currency="EUR")
    derived = [row[0] for row in table(store) if row[4] != "file"]
    assert derived == ["GBP/EUR", "USD/EUR", "USD/EUR"]


def test_without_a_file_there_are_no_rates(store: Store, tmp_path: Path) -> None:
    """Rates that nobody keeps any more convert nothing."""
    exchange(store, tmp_path, ECB)
    renew_exchange_rates(store, FakeClock(), file=None, currency="USD")
    assert table(store) == []


def test_a_wrong_file_leaves_the_rates_as_they_were(store: Store, tmp_path: Path) -> None:
    """A typing error stops the start, and takes nothing away."""
    path = exchange(store, tmp_path, ECB)
    before = table(store)
    path.write_text(path.read_text() + "2026-11-04,EUR,USD,many\n")
    with pytest.raises(ExchangeRatesError, match="line 5"):
        renew_exchange_rates(store, FakeClock(), file=path, currency="USD")
    assert table(store) == before


def test_the_store_gives_back_what_the_file_says(store: Store, tmp_path: Path) -> None:
    """Any pair of currencies has the same rate from the table as from the file."""
    path = exchange(store, tmp_path, ECB, currency="JPY")
    kept, read = exchange_rates_of(store), ExchangeRates(read_exchange_rates(path))
    assert kept.currencies == ["EUR", "GBP", "USD"]
    for one in kept.currencies:
        for other in kept.currencies:
            assert kept.history(one, other) == read.history(one, other)
    assert kept.at(date(2026, 11, 9), "EUR", "USD") == (Decimal("1.0857"), "file")
