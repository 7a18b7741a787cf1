"""Bring the store's exchange rates up to date with the file.

The table is the file: what the file no longer says is no longer there, so that a corrected rate
corrects every answer. Beside the rates that were given stand those that follow from them for the
currency that reports are in, for readers who convert in SQL of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from analytics.currencies.exchange_rates import GIVEN, ExchangeRate, ExchangeRates
from analytics.currencies.rates_file import fingerprint, read_exchange_rates

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analytics.store import Store
    from analytics.types import Clock

_SOURCE: Final = "exchange-rates"
_NO_FILE: Final = "none"
_TYPES: Final = {
    "from_currency": pa.string(),
    "to_currency": pa.string(),
    "valid_from": pa.date32(),
    "valid_to": pa.date32(),
    "rate": pa.decimal128(18, 8),
    "source": pa.string(),
}


def renew_exchange_rates(store: Store, clock: Clock, *, file: Path | None, currency: str) -> int:
    """Make the table what the file says; how many rates are new. Quick when none are.

    Raises:
        ExchangeRatesError: the file cannot be used; the table stays as it was.
        StoreBusy: somebody else was writing; try again.
    """
    version = f"{fingerprint(file)}:{currency}" if file else _NO_FILE
    if _stored_version(store) == version:
        return 0
    given = read_exchange_rates(file) if file else []
    rates = [*given, *_derived(ExchangeRates(given), currency)]
    with store.transaction() as connection:
        connection.register("renewed", _table(rates))
        connection.execute("CREATE OR REPLACE TEMP TABLE new_exchange_rates AS FROM renewed")
        connection.unregister("renewed")
        connection.execute(_DELETE)
        added = connection.execute(_ADD).fetchall()[0][0]
        connection.execute("DELETE FROM usage.rate_sources WHERE source = ?", [_SOURCE])
        connection.execute(
            "INSERT INTO usage.rate_sources VALUES (?, ?, ?)", [_SOURCE, version, clock.now()]
        )
    return int(added)


def exchange_rates_of(store: Store) -> ExchangeRates:
    """The rates that were given, as the store keeps them."""
    rows = store.frame(
        "SELECT from_currency, to_currency, valid_from, valid_to, rate FROM exchange_rates "
        "WHERE source = ?",
        [GIVEN],
    )
    return ExchangeRates(ExchangeRate(*row) for row in rows.iter_rows())


def _stored_version(store: Store) -> str:
    found = store.frame("SELECT source_version FROM rate_sources WHERE source = ?", [_SOURCE])
    return _NO_FILE if found.is_empty() else str(found.item())


def _derived(rates: ExchangeRates, currency: str) -> list[ExchangeRate]:
    """What follows from the given rates for one currency: into it."""
    return [
        rate
        for other in rates.currencies
        if other != currency
        for rate in rates.history(other, currency)
        if rate.source != GIVEN
    ]


def _table(rates: Sequence[ExchangeRate]) -> pa.Table:
    return pa.table(
        {
            name: pa.array([getattr(rate, name) for rate in rates], kind)
            for name, kind in _TYPES.items()
        }
    )


_SAME: Final = " AND ".join(f"o.{name} IS NOT DISTINCT FROM n.{name}" for name in _TYPES)
_DELETE: Final = f"""
    DELETE FROM usage.exchange_rates AS o
    WHERE NOT EXISTS (SELECT 1 FROM new_exchange_rates AS n WHERE {_SAME})
"""  # noqa: S608 - our own names
_ADD: Final = f"""
    INSERT INTO usage.exchange_rates BY NAME
    SELECT * FROM new_exchange_rates AS n
    WHERE NOT EXISTS (SELECT 1 FROM usage.exchange_rates AS o WHERE {_SAME})
"""  # noqa: S608 - our own names
