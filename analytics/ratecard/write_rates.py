"""Bring the store's rates of some sources up to date, without losing what charges name.

A rate that the newer list repeats stays as it is. One that the list changed ends where its
successor begins. No row is ever deleted. A price list that forgets a meter does not make it free;
of a source that is always told whole (the operator's file, the contract) what is missing ends now.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from analytics.ratecard.rate import Rate
from analytics.ratecard.regions import EU, US

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    import duckdb


@dataclass(frozen=True, slots=True)
class Changes:
    """How many rates were added, and how many have an end that had none or a later one."""

    added: int = 0
    ended: int = 0


_TIME: Final = pa.timestamp("us", "UTC")
_TYPES: Final = {
    "price": pa.decimal128(18, 12),
    "list_price": pa.decimal128(18, 12),
    "valid_from": _TIME,
    "valid_to": _TIME,
}
# What makes two rates of a source answers to the same question, the region apart. The currency is
# no part of it: a list that comes in another currency replaces the one before.
_QUESTION: Final = (
    "source", "model", "model_version", "deployment_type", "meter", "service_tier",
    "context_tier", "image_size", "image_quality",
)  # fmt: skip
_ZONE: Final = f"CASE WHEN o.region IN {tuple(sorted(EU))} THEN 'eu' WHEN o.region IN {tuple(sorted(US))} THEN 'us' END"  # noqa: E501 - one expression
# A list that ships with gatemeter and the operator's file are whole, and may tell one price for
# everywhere today and one for each region tomorrow. An import may be of some regions, and then
# leaves the others alone; a contract's rate has its place from a discount.
_SAME_PLACE: Final = f"""
    CASE o.source
        WHEN 'azure-retail' THEN n.region IS NULL OR n.region = o.region OR n.region = {_ZONE}
        WHEN 'contract' THEN n.region IS NOT DISTINCT FROM o.region
        ELSE TRUE
    END"""


def write_rates(
    connection: duckdb.DuckDBPyConnection,
    rates: Sequence[Rate],
    now: datetime,
    *,
    whole: Collection[str] = (),
) -> Changes:
    """Store rates within the caller's transaction.

    Args:
        connection: in a transaction of the store.
        rates: all of each of their sources that there are now.
        now: when what is missing ends.
        whole: sources of which `rates` tells everything.
    """
    connection.register("told", _table(rates))
    connection.execute("CREATE OR REPLACE TEMP TABLE new_rates AS SELECT * FROM told")
    connection.unregister("told")
    ended = _count(connection, _END_CHANGED)
    ended += _count(connection, _END_REMOVED, [now, list(whole)])
    ended += connection.execute(_COUNT_SHORTENED).fetchall()[0][0]
    connection.execute(_SET_ENDS)
    return Changes(_count(connection, _ADD), ended)


def _count(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> int:
    return int(connection.execute(sql, parameters or None).fetchall()[0][0])


def _table(rates: Sequence[Rate]) -> pa.Table:
    names = [field.name for field in fields(Rate)]
    columns = {
        name: pa.array([getattr(rate, name) for rate in rates], _TYPES.get(name, pa.string()))
        for name in names
    }
    return pa.table({**columns, "unit": pa.array([rate.unit for rate in rates], pa.string())})


_END_CHANGED: Final = f"""
    UPDATE usage.rates AS r SET valid_to = e.ends
    FROM (
        SELECT o.rate_id, GREATEST(min(n.valid_from), any_value(o.valid_from)) AS ends
        FROM usage.rates AS o JOIN new_rates AS n
          ON {" AND ".join(f"o.{name} IS NOT DISTINCT FROM n.{name}" for name in _QUESTION)}
         AND {_SAME_PLACE}
        WHERE o.rate_id NOT IN (SELECT rate_id FROM new_rates)
        GROUP BY o.rate_id
    ) AS e
    WHERE r.rate_id = e.rate_id AND (r.valid_to IS NULL OR r.valid_to > e.ends)
"""  # noqa: S608 - our own names
_END_REMOVED: Final = """
    UPDATE usage.rates SET valid_to = GREATEST($1::TIMESTAMPTZ, valid_from)
    WHERE source IN (SELECT unnest($2::VARCHAR[]))
      AND (valid_to IS NULL OR valid_to > GREATEST($1::TIMESTAMPTZ, valid_from))
      AND rate_id NOT IN (SELECT rate_id FROM new_rates)
"""
_COUNT_SHORTENED: Final = """
    SELECT count(*) FROM usage.rates AS o JOIN new_rates AS n USING (rate_id)
    WHERE n.valid_to < COALESCE(o.valid_to, TIMESTAMPTZ 'infinity')
"""
_SET_ENDS: Final = """
    UPDATE usage.rates AS o SET valid_to = n.valid_to
    FROM new_rates AS n
    WHERE o.rate_id = n.rate_id AND o.valid_to IS DISTINCT FROM n.valid_to
"""
_ADD: Final = """
    INSERT INTO usage.rates BY NAME
    SELECT * FROM new_rates WHERE rate_id NOT IN (SELECT rate_id FROM usage.rates)
"""
