"""Seeding: bring the store's rates up to date with the price lists and the operator's file.

A rate that a newer list repeats stays as it is. One that the list changed ends where its successor
begins, and the operator's own end when they are taken out of the file; no row is ever deleted,
because charges name their rates. A price list that forgets a meter does not make it free.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from analytics.ratecard import rates_file
from analytics.ratecard.deployment_table import read_deployments, replace_configured
from analytics.ratecard.rate import Rate
from analytics.ratecard.sources import gather_rates, source_versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from analytics.store import Store
    from analytics.types import Clock, Deployment

_TIME: Final = pa.timestamp("us", "UTC")
_TYPES: Final = {
    "price": pa.decimal128(18, 12),
    "list_price": pa.decimal128(18, 12),
    "valid_from": _TIME,
    "valid_to": _TIME,
}
# What makes two rates of a source answers to the same question, the region apart: a list may tell
# one price for everywhere today and one for each region tomorrow.
_QUESTION: Final = (
    "source", "model", "model_version", "deployment_type", "meter", "service_tier",
    "context_tier", "image_size", "image_quality",
)  # fmt: skip


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
    versions = source_versions(file)
    stored = dict(store.frame("SELECT source, source_version FROM rate_sources").iter_rows())
    stale = {source: at for source, at in versions.items() if stored.get(source) != at}
    known = [one for one in read_deployments(store.cursor()) if one.source == "settings"]
    moved = sorted(known, key=repr) != sorted(deployments, key=repr)
    if not stale and not moved:
        return 0
    rates = gather_rates(file, stale)
    with store.transaction() as connection:
        added = _replace_rates(connection, rates, stale, clock.now())
        if moved:
            replace_configured(connection, deployments)
    return added


def _replace_rates(
    connection: duckdb.DuckDBPyConnection,
    rates: Sequence[Rate],
    stale: Mapping[str, str],
    now: datetime,
) -> int:
    connection.register("seeded", _table(rates))
    connection.execute("CREATE OR REPLACE TEMP TABLE new_rates AS SELECT * FROM seeded")
    connection.unregister("seeded")
    connection.execute(_END_CHANGED)
    if rates_file.SOURCE in stale:
        connection.execute(_END_REMOVED, [now])
    connection.execute(_REOPEN)
    added = connection.execute(_ADD).fetchall()[0][0]
    for source, version in stale.items():
        connection.execute("DELETE FROM usage.rate_sources WHERE source = ?", [source])
        connection.execute(
            "INSERT INTO usage.rate_sources VALUES (?, ?, ?)", [source, version, now]
        )
    return int(added)


def _table(rates: Sequence[Rate]) -> pa.Table:
    names = [field.name for field in fields(Rate)]
    columns = {
        name: pa.array([getattr(rate, name) for rate in rates], _TYPES.get(name, pa.string()))
        for name in names
    }
    return pa.table({**columns, "unit": pa.array([rate.unit for rate in rates], pa.string())})


_END_CHANGED: Final = f"""
    UPDATE usage.rates AS o SET valid_to = GREATEST(n.valid_from, o.valid_from)
    FROM (SELECT {", ".join(_QUESTION)}, min(valid_from) AS valid_from
          FROM new_rates GROUP BY ALL) AS n
    WHERE {" AND ".join(f"o.{name} IS NOT DISTINCT FROM n.{name}" for name in _QUESTION)}
      AND o.rate_id NOT IN (SELECT rate_id FROM new_rates)
      AND (o.valid_to IS NULL OR o.valid_to > GREATEST(n.valid_from, o.valid_from))
"""  # noqa: S608 - our own names
_END_REMOVED: Final = """
    UPDATE usage.rates SET valid_to = GREATEST($1::TIMESTAMPTZ, valid_from)
    WHERE source = 'file' AND (valid_to IS NULL OR valid_to > $1::TIMESTAMPTZ)
      AND rate_id NOT IN (SELECT rate_id FROM new_rates)
"""
_REOPEN: Final = """
    UPDATE usage.rates AS o SET valid_to = n.valid_to
    FROM new_rates AS n
    WHERE o.rate_id = n.rate_id AND o.valid_to IS DISTINCT FROM n.valid_to
"""
_ADD: Final = """
    INSERT INTO usage.rates BY NAME
    SELECT * FROM new_rates WHERE rate_id NOT IN (SELECT rate_id FROM usage.rates)
"""
