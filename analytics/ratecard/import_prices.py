"""Importing a price list: its rates into the store, and the contract's made anew from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from analytics.ratecard import contract
from analytics.ratecard.retail_prices import SOURCE
from analytics.ratecard.seed import contract_version, note_version, renew_contract
from analytics.ratecard.sources import discounts_of, source_versions
from analytics.ratecard.write_rates import Changes, write_rates

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.ratecard.retail_prices import PriceList
    from analytics.store import Store
    from analytics.types import Clock


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed: of the list, and of the contract's rates that come from it."""

    rates: Changes
    contract: Changes


class _OnlyTried(Exception):
    """Ends a transaction that was not meant to last."""


def import_prices(
    store: Store,
    clock: Clock,
    prices: PriceList,
    *,
    file: Path | None = None,
    dry_run: bool = False,
) -> Imported:
    """Store the rates of a price list; what it changed ends, nothing is deleted.

    Args:
        store: a seeded one.
        clock: tells when.
        prices: what was read.
        file: the operator's rates file, for the contract's discounts.
        dry_run: change nothing, only tell what would change.

    Raises:
        RateCardError: the operator's file cannot be used.
        StoreBusy: somebody else was writing; try again.
    """
    discounts = discounts_of(file)
    stored = dict(store.frame("SELECT source, source_version FROM rate_sources").iter_rows())
    versions = stored | source_versions(file) | {SOURCE: prices.version}
    now, version = clock.now(), contract_version(discounts, versions)
    done = Imported(Changes(), Changes())
    try:
        with store.transaction() as connection:
            changed = write_rates(connection, prices.rates, now)
            note_version(connection, SOURCE, prices.version, now)
            renewed = (
                renew_contract(connection, discounts, version, now)
                if version != stored.get(contract.SOURCE)
                else Changes()
            )
            done = Imported(changed, renewed)
            if dry_run:
                _undo()
    except _OnlyTried:
        pass
    return done


def _undo() -> NoReturn:
    raise _OnlyTried
