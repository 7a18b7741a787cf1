"""Seeding: bring the store's rates up to date with the price lists and the operator's file.

The contract's rates are made anew in the same transaction when the file or a list of Azure's
changed, so that no charge is ever made by a list price that the contract made cheaper.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from analytics.ratecard import contract, rates_file
from analytics.ratecard.deployment_table import read_deployments, replace_configured
from analytics.ratecard.sources import discounts_of, gather_rates, source_versions
from analytics.ratecard.table import read_rates
from analytics.ratecard.write_rates import Changes, write_rates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from analytics.ratecard.discounts import Discount
    from analytics.ratecard.rate import Rate
    from analytics.store import Store
    from analytics.types import Clock, Deployment

NO_CONTRACT = "none"


def seed(
    store: Store,
    clock: Clock,
    *,
    file: Path | None = None,
    deployments: Sequence[Deployment] = (),
) -> int:
    """Bring rates and deployments up to date; how many rates were added. Quick when none were.

    Raises:
        RateCardError: the file cannot be used.
        StoreBusy: somebody else was writing; try again.
    """
    stored = dict(store.frame("SELECT source, source_version FROM rate_sources").iter_rows())
    discounts = discounts_of(file)
    versions = source_versions(file)
    versions[contract.SOURCE] = contract_version(discounts, stored | versions)
    stale = {source: at for source, at in versions.items() if stored.get(source) != at}
    known = [one for one in read_deployments(store.cursor()) if one.source == "settings"]
    moved = sorted(known, key=repr) != sorted(deployments, key=repr)
    if not stale and not moved:
        return 0
    rates = gather_rates(file, stale)
    with store.transaction() as connection:
        added = _replace_rates(connection, rates, stale, clock.now())
        if contract.SOURCE in stale:
            added += renew_contract(
                connection, discounts, stale[contract.SOURCE], clock.now()
            ).added
        if moved:
            replace_configured(connection, deployments)
    return added


def contract_version(discounts: Sequence[Discount], versions: Mapping[str, str]) -> str:
    """A fingerprint of what contract rates are made of: the file's discounts and Azure's lists."""
    if not discounts:
        return NO_CONTRACT
    parts = [versions.get(source, "") for source in (rates_file.SOURCE, *sorted(contract.LISTS))]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


def renew_contract(
    connection: duckdb.DuckDBPyConnection,
    discounts: Sequence[Discount],
    version: str,
    now: datetime,
) -> Changes:
    """Make the contract's rates anew from the lists as the transaction sees them."""
    listed = read_rates(connection) if discounts else []
    rates = contract.contract_rates(listed, discounts, version)
    changes = write_rates(connection, rates, now, whole=[contract.SOURCE])
    note_version(connection, contract.SOURCE, version, now)
    return changes


def note_version(
    connection: duckdb.DuckDBPyConnection, source: str, version: str, now: datetime
) -> None:
    """Write down which version of a source the store holds."""
    connection.execute("DELETE FROM usage.rate_sources WHERE source = ?", [source])
    connection.execute("INSERT INTO usage.rate_sources VALUES (?, ?, ?)", [source, version, now])


def _replace_rates(
    connection: duckdb.DuckDBPyConnection,
    rates: Sequence[Rate],
    stale: Mapping[str, str],
    now: datetime,
) -> int:
    whole = [rates_file.SOURCE] if rates_file.SOURCE in stale else []
    changes = write_rates(connection, rates, now, whole=whole)
    for source, version in stale.items():
        note_version(connection, source, version, now)
    return changes.added
