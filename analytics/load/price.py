"""Price: what each staged event costs.

Rates are chosen once for each distinct combination of model, version, place, tier and day of a
batch; the arithmetic is done in SQL, in decimals. The result is `facts`, one narrow row for each
event of `staged`: what it was taken for, how much of each meter it used, and its cost.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from analytics.load.kept_sheet import ASKED, TAKEN_FOR, KeptSheet
from analytics.load.usage import BILLED, UNKNOWN, meters_used, quantities
from analytics.ratecard.rate import Use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from analytics.ratecard.card import RateCard
    from analytics.ratecard.rate import Meter

LONG_CONTEXT_TOKENS: Final = 272_000
"""Azure bills a request with more input than this wholly at its long-context prices."""
UNKNOWN_USAGE: Final = "unknown"
"""The meter of a billed request of which nobody knows what it used."""

# What the choice of a rate depends on.
_TEXTS: Final = {
    "deployment": "COALESCE(attempts[-1].deployment, deployment, '')",
    "backend": "COALESCE(attempts[-1].backend, '')",
    "response_model": "COALESCE(response_model, '')",
    "request_model": "COALESCE(request_model, '')",
    "deployment_type": "COALESCE(attempts[-1].deployment_type, '')",
    "region": "COALESCE(attempts[-1].region, '')",
    "service_tier": "COALESCE(service_tier, '')",
    "image_size": "COALESCE(image_size, '')",
    "image_quality": "COALESCE(image_quality, '')",
}
_LONG_CONTEXT: Final = f"COALESCE(input_tokens > {LONG_CONTEXT_TOKENS}, FALSE)"
_DAY: Final = "date_trunc('day', started)"
HOUR: Final = "make_timestamptz(epoch_us({}) // 3600000000 * 3600000000)"
"""The UTC hour of a time: as `date_trunc`, which asks a calendar for each row and takes 5 x."""
# The same as one text, which groups and joins much faster than ten columns. The lengths keep two
# different uses from ever reading alike.
USE_KEY: Final = (
    f"concat_ws(' ', {_LONG_CONTEXT}, epoch_us(started) // 86400000000, "
    + ", ".join(f"strlen({sql}), {sql}" for sql in _TEXTS.values())
    + ")"
)


@dataclass(frozen=True, slots=True)
class Priced:
    """What a batch was priced by: a sheet for each different use, numbered as `facts` has them."""

    meters: tuple[Meter, ...]
    sheets: tuple[KeptSheet, ...]


def price(connection: duckdb.DuckDBPyConnection, card: RateCard) -> Priced:
    """Make `facts`, `sheets` and `sheet_rates` from `staged`.

    The sheets are few and stay outside the database, as views of Arrow tables.
    """
    rows = connection.execute(_USES).to_arrow_table().to_pylist()
    uses = [_use(row) for row in rows]
    sheets = [KeptSheet.of(use, card.sheet(use)) for use in uses]
    return _apply(connection, [row["use_key"] for row in rows], sheets)


def price_as_kept(connection: duckdb.DuckDBPyConnection, sheets: Mapping[str, KeptSheet]) -> Priced:
    """As `price`, by the sheets that the events of `staged` were charged by when they were stored.

    Args:
        connection: holds `staged`.
        sheets: by event id, one for each event.
    """
    connection.execute("UPDATE staged SET use_key = event_id")
    return _apply(connection, list(sheets), list(sheets.values()))


def _apply(
    connection: duckdb.DuckDBPyConnection,
    keys: Sequence[str],
    sheets: Sequence[KeptSheet],
) -> Priced:
    meters = meters_used(connection)
    connection.register("sheets", sheet_table(keys, sheets, meters))
    connection.register("sheet_rates", sheet_rate_table(sheets, meters))
    connection.execute(_facts(meters))
    return Priced(meters, tuple(sheets))


def _use(row: Mapping[str, Any]) -> Use:
    texts = {name: row[name] or None for name in _TEXTS}
    day = datetime.fromtimestamp(row["day"], UTC)
    return Use(at=day, long_context=row["long_context"], **texts)


def sheet_table(
    keys: Sequence[str], sheets: Sequence[KeptSheet], meters: Sequence[Meter]
) -> pa.Table:
    """One row per use: its number, what it asked for and was taken for, each meter's price."""
    columns = {
        "sheet_key": pa.array(keys, pa.string()),
        "sheet_id": pa.array(range(len(sheets)), pa.int32()),
    }
    asked = [one.asked for one in sheets]
    for name in ASKED:
        columns[name] = pa.array([texts[name] for texts in asked], pa.string())
    for name in TAKEN_FOR:
        columns[name] = pa.array([getattr(one, name) for one in sheets], pa.string())
    for meter in meters:
        rates = [one.rates.get(meter) for one in sheets]
        prices = [rate.price if rate else None for rate in rates]
        columns[f"p_{meter}"] = pa.array(prices, pa.decimal128(18, 12))
    return pa.table(columns)


def sheet_rate_table(sheets: Sequence[KeptSheet], meters: Sequence[Meter]) -> pa.Table:
    """One row per sheet and meter: the rate, or why there is none."""
    rows = [
        (number, meter, one.rates.get(meter), one.reasons.get(meter))
        for number, one in enumerate(sheets)
        for meter in meters
    ]
    unknown = range(len(sheets))
    return pa.table(
        {
            "sheet_id": pa.array([row[0] for row in rows] + list(unknown), pa.int32()),
            "meter": pa.array(
                [row[1] for row in rows] + [UNKNOWN_USAGE for _ in unknown], pa.string()
            ),
            "rate_id": pa.array(
                [rate.rate_id if rate else None for _, _, rate, _ in rows]
                + [None for _ in unknown],
                pa.string(),
            ),
            "price": pa.array(
                [rate.price if rate else None for _, _, rate, _ in rows] + [None for _ in unknown],
                pa.decimal128(18, 12),
            ),
            "unpriced_reason": pa.array(
                [row[3] for row in rows] + ["usage_unknown" for _ in unknown], pa.string()
            ),
        }
    )


_USES: Final = f"""
    SELECT use_key, (epoch_us({_DAY}) // 1000000)::BIGINT AS day, {_LONG_CONTEXT} AS long_context,
        {", ".join(f"{sql} AS {name}" for name, sql in _TEXTS.items())}
    FROM staged
    WHERE rowid IN (SELECT min(rowid) FROM staged GROUP BY use_key)
"""  # noqa: S608 - our own texts


def event_cost(meters: tuple[Meter, ...]) -> str:
    """What an event costs: SQL over `billed`, `usage_unknown`, `n_<meter>` and `p_<meter>`."""
    unpriced = " OR ".join(f"(n_{meter} > 0 AND p_{meter} IS NULL)" for meter in meters)
    cost = " + ".join(f"COALESCE({_amount(meter)} * p_{meter}, 0)" for meter in meters)
    return f"""
        CASE WHEN NOT billed THEN 0
             WHEN usage_unknown OR {unpriced} THEN NULL
             ELSE {cost} END::DECIMAL(38, 18)"""


@functools.cache
def _facts(meters: tuple[Meter, ...]) -> str:
    return f"""
        CREATE OR REPLACE TEMP TABLE facts AS
        WITH measured AS (
            SELECT rowid AS row, event_id, started, key_id, key_name, team, operation, stream,
                use_key, usage_source, status_code::SMALLINT AS status_code,
                throttled_by, cache_hit, client_disconnected,
                NOT COALESCE(aggregate, FALSE) AS single,
                input_tokens, cached_input_tokens, output_tokens,
                duration_ms, time_to_first_chunk_ms,
                attempts[-1].backend AS backend,
                COALESCE(attempts[-1].deployment, deployment) AS billed_deployment,
                {BILLED} AS billed, {UNKNOWN} AS usage_unknown,
                {quantities(meters)}
            FROM staged
        )
        SELECT m.* EXCLUDE (use_key, all_input, all_output), {HOUR.format("started")} AS hour,
            s.sheet_id,
            {event_cost(meters)} AS cost
        FROM measured AS m JOIN sheets AS s ON s.sheet_key = m.use_key
    """  # noqa: S608 - our own texts


def _amount(meter: Meter) -> str:
    # Both factors fit 64 bits, so that the product is exact in 128.
    return f"n_{meter}" if meter == "second" else f"n_{meter}::DECIMAL(18, 0)"
