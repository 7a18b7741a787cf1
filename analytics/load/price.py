"""Price: what each staged event used, by meter, and what that costs.

Rates are chosen once for each distinct combination of model, version, place, tier and day of a
batch; the arithmetic is done in SQL, in decimals. The result is `priced`: an event's columns as
the store keeps them, the quantity of each meter, and the sheet of rates that applies.

Billed is what a backend answered: status 2xx, and prompts that the content filter turned away
(400). Throttled, failed and gateway-made answers, cached answers and the reading of earlier
responses cost nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

import pyarrow as pa

from analytics.load import shape
from analytics.ratecard.rate import METERS, Use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from analytics.ratecard.card import RateCard
    from analytics.ratecard.rate import Sheet

LONG_CONTEXT_TOKENS: Final = 272_000
"""Azure bills a request with more input than this wholly at its long-context prices."""
UNKNOWN_USAGE: Final = "unknown"
"""The meter of a billed request of which nobody knows what it used."""
_MOST_SECONDS: Final = 1e12

# What a rate depends on; texts without NULL, because those join quickly.
_CONTEXT: Final = {
    "deployment": "COALESCE(last.deployment, deployment, '')",
    "response_model": "COALESCE(response_model, '')",
    "request_model": "COALESCE(request_model, '')",
    "deployment_type": "COALESCE(last.deployment_type, '')",
    "region": "COALESCE(last.region, '')",
    "service_tier": "COALESCE(service_tier, '')",
    "image_size": "COALESCE(image_size, '')",
    "image_quality": "COALESCE(image_quality, '')",
    "long_context": f"COALESCE(input_tokens > {LONG_CONTEXT_TOKENS}, FALSE)",
    "day": "date_trunc('day', started)",
}
_KEY: Final = "key_"
_NEVER_BILLED: Final = "('fetch_response', 'image_operation')"
_MAY_USE_NOTHING: Final = "('other', 'ingestion_job', 'fetch_response', 'image_operation')"

# Parts are taken out of their whole one after the other, so that a part is never larger than what
# is left of it, whatever a provider reports, and the parts always add up to the whole.
_QUANTITIES: Final = """
    COALESCE(input_tokens, COALESCE(cached_input_tokens, 0) + COALESCE(cache_write_tokens, 0)
             + COALESCE(audio_input_tokens, 0) + COALESCE(image_input_tokens, 0)) AS all_input,
    LEAST(COALESCE(cached_input_tokens, 0), all_input) AS n_cached_input,
    LEAST(COALESCE(cache_write_tokens, 0), all_input - n_cached_input) AS n_cache_write,
    LEAST(COALESCE(audio_input_tokens, 0),
          all_input - n_cached_input - n_cache_write) AS n_audio_input,
    LEAST(COALESCE(image_input_tokens, 0),
          all_input - n_cached_input - n_cache_write - n_audio_input) AS n_image_input,
    all_input - n_cached_input - n_cache_write - n_audio_input - n_image_input AS n_input,
    COALESCE(output_tokens,
             COALESCE(audio_output_tokens, 0) + COALESCE(image_output_tokens, 0)) AS all_output,
    LEAST(COALESCE(audio_output_tokens, 0), all_output) AS n_audio_output,
    -- what an image model puts out is images, also where its answer does not say so
    LEAST(COALESCE(image_output_tokens,
                   CASE WHEN operation IN ('image_generation', 'image_edit')
                        THEN all_output ELSE 0 END),
          all_output - n_audio_output) AS n_image_output,
    all_output - n_audio_output - n_image_output AS n_output,
    input_tokens IS NULL AND output_tokens IS NULL AS no_tokens,
    CASE WHEN no_tokens THEN COALESCE(images, 0) ELSE 0 END AS n_image,
    CASE WHEN no_tokens THEN COALESCE(characters, 0) ELSE 0 END AS n_character,
    CASE WHEN no_tokens THEN COALESCE(audio_seconds, 0) ELSE 0 END AS seconds,
"""


def price(connection: duckdb.DuckDBPyConnection, card: RateCard, now: datetime) -> None:
    """Make `priced` and `sheet_rates` from `staged`."""
    connection.execute(_CONTEXTS)
    contexts = connection.execute("SELECT * FROM contexts ORDER BY rowid").to_arrow_table()
    sheets = [card.sheet(_use(row)) for row in contexts.to_pylist()]
    for name, table in (
        ("new_sheets", _wide(contexts, sheets)),
        ("new_sheet_rates", _long(sheets)),
    ):
        connection.register(name, table)
    connection.execute("CREATE OR REPLACE TEMP TABLE sheets AS SELECT * FROM new_sheets")
    connection.execute("CREATE OR REPLACE TEMP TABLE sheet_rates AS SELECT * FROM new_sheet_rates")
    connection.execute(_PRICED, [now])


def _use(row: Mapping[str, object]) -> Use:
    values = {name.removeprefix(_KEY): value for name, value in row.items()}
    texts = {name: value or None for name, value in values.items() if isinstance(value, str)}
    return Use(
        at=cast("datetime", values["day"]).astimezone(UTC),
        long_context=bool(values["long_context"]),
        **texts,
    )


def _wide(contexts: pa.Table, sheets: Sequence[Sheet]) -> pa.Table:
    """One row per context: its number, what it was taken for, and the price of each meter."""
    table = contexts.append_column("sheet_id", pa.array(range(len(sheets)), pa.int32()))
    for name in ("model", "model_version", "deployment_type", "region"):
        values = [getattr(sheet, name) for sheet in sheets]
        table = table.append_column(f"rated_{name}", pa.array(values, pa.string()))
    for meter in METERS:
        prices = [sheet.rates[meter].price if meter in sheet.rates else None for sheet in sheets]
        table = table.append_column(f"p_{meter}", pa.array(prices, pa.decimal128(18, 12)))
    return table


def _long(sheets: Sequence[Sheet]) -> pa.Table:
    """One row per sheet and meter: the rate, or why there is none."""
    rows = [
        (number, meter, sheet.rates.get(meter), sheet.reasons.get(meter))
        for number, sheet in enumerate(sheets)
        for meter in METERS
    ]
    rows += [(number, UNKNOWN_USAGE, None, "usage_unknown") for number in range(len(sheets))]
    return pa.table(
        {
            "sheet_id": pa.array([row[0] for row in rows], pa.int32()),
            "meter": pa.array([row[1] for row in rows], pa.string()),
            "rate_id": pa.array([row[2] and row[2].rate_id for row in rows], pa.string()),
            "price": pa.array(
                [Decimal(row[2].price) if row[2] else None for row in rows],
                pa.decimal128(18, 12),
            ),
            "unpriced_reason": pa.array([row[3] for row in rows], pa.string()),
        }
    )


def _column(name: str) -> str:
    if name == "started_at":
        return "started AS started_at"
    if name == "schema_version" or name == "status_code":
        return f"{name}::SMALLINT AS {name}"
    return f"{name}::BIGINT AS {name}" if name in shape.integers() else name


def _amount(meter: str) -> str:
    return "n_second" if meter == "second" else f"n_{meter}::DECIMAL(20, 0)"


_CONTEXTS: Final = f"""
    CREATE OR REPLACE TEMP TABLE contexts AS
    SELECT DISTINCT {", ".join(f"{sql} AS {_KEY}{name}" for name, sql in _CONTEXT.items())}
    FROM (SELECT *, attempts[-1] AS last FROM staged)
"""
_EVENT_COLUMNS: Final = ", ".join(_column(name) for name in shape.columns() if name != "attempts")
_UNPRICED: Final = " OR ".join(f"(n_{meter} > 0 AND p_{meter} IS NULL)" for meter in METERS)
_COST: Final = " + ".join(f"COALESCE({_amount(meter)} * p_{meter}, 0)" for meter in METERS)
_PRICED: Final = f"""
    CREATE OR REPLACE TEMP TABLE priced AS
    WITH keyed AS (
        SELECT rowid AS row, *, attempts[-1] AS last FROM staged
    ), joined AS (
        SELECT e.*, s.* EXCLUDE ({", ".join(_KEY + name for name in _CONTEXT)})
        FROM keyed AS e JOIN sheets AS s
        ON {" AND ".join(f"s.{_KEY}{name} = ({sql})" for name, sql in _CONTEXT.items())}
    ), measured AS (
        SELECT *,
            {_QUANTITIES}
            (seconds <= {_MOST_SECONDS}) AS plausible,
            CASE WHEN plausible THEN seconds ELSE 0 END::DECIMAL(24, 6) AS n_second,
            NOT COALESCE(cache_hit, FALSE)
            AND operation NOT IN {_NEVER_BILLED}
            AND (status_code BETWEEN 200 AND 299
                 OR COALESCE(last.status_code BETWEEN 200 AND 299, FALSE)
                 OR (status_code = 400 AND (COALESCE(error_code = 'content_filter', FALSE)
                                            OR content_filter IS NOT NULL))
                 OR (COALESCE(client_disconnected, FALSE) AND usage_source <> 'none'
                     AND status_code < 500 AND status_code <> 429)) AS billed,
            (no_tokens AND all_input = 0 AND all_output = 0 AND images IS NULL
             AND audio_seconds IS NULL AND characters IS NULL
             AND operation NOT IN {_MAY_USE_NOTHING}) OR NOT plausible AS usage_unknown
        FROM joined
    )
    SELECT row, sheet_id, date_trunc('hour', started) AS hour,
        {_EVENT_COLUMNS},
        last.backend AS backend, rated_region AS region,
        COALESCE(last.deployment, deployment) AS billed_deployment,
        rated_deployment_type AS deployment_type,
        COALESCE(len(attempts), 0)::SMALLINT AS attempt_count,
        rated_model AS model, rated_model_version AS model_version,
        billed,
        CASE WHEN NOT billed THEN 0
             WHEN usage_unknown OR {_UNPRICED} THEN NULL
             ELSE {_COST} END::DECIMAL(38, 18) AS cost,
        $1::TIMESTAMPTZ AS stored_at,
        usage_unknown,
        {", ".join(f"{_amount(meter)} AS n_{meter}" for meter in METERS)}
    FROM measured
"""
