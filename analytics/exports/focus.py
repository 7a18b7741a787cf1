"""FOCUS: the charges of a period in the FinOps Foundation's standard format, one row per meter.

What has no price cannot stand in such a file, which allows no empty cost: it goes to a file beside
it, and the summary counts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa

from analytics.exports.columns import Version, focus_columns, focus_schema
from analytics.exports.region_names import REGION_NAMES
from analytics.exports.writing import SUFFIXES, write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from decimal import Decimal
    from pathlib import Path

    import duckdb

    from analytics.exports.parties import Parties, SubAccount
    from analytics.exports.period import Period
    from analytics.store import Store

    Progress = Callable[[int, int], None]
    """Called with how many rows were written, and how many there are."""

Granularity = Literal["hour", "day", "month"]
_BATCH_ROWS: Final = 20_000
_NAMED: Final = (
    "billing_account_id", "billing_account_name", "billing_account_type", "invoice_issuer",
    "provider", "publisher", "service",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FocusRequest:
    """What to export, and in whose words."""

    period: Period
    parties: Parties
    version: Version = "1.2"
    granularity: Granularity = "day"
    sub_account: SubAccount | None = None
    """Whose account a row is on; None: what the parties say."""


@dataclass(frozen=True, slots=True)
class Total:
    """What an export adds up to in one currency."""

    currency: str | None
    billed_cost: Decimal
    effective_cost: Decimal
    estimated_cost: Decimal
    """The part of the effective cost whose usage was estimated, not reported."""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Usage that no rate covers, and the file that lists it."""

    rows: int
    requests: int
    file: Path | None


@dataclass(frozen=True, slots=True)
class FocusSummary:
    """What was written."""

    files: tuple[Path, ...]
    rows: int
    totals: tuple[Total, ...]
    unpriced: Unpriced


def export_focus(
    store: Store,
    request: FocusRequest,
    out: Path,
    progress: Progress = lambda _done, _total: None,
) -> FocusSummary:
    """Write a `.csv` or `.parquet` file, or into a folder one Parquet file per billing period.

    Raises:
        QueryError: the store cannot answer.
        ExportError: a file cannot be written.
        QueryError: the time zone or the period cannot be used.
    """
    with store.reading() as cursor:
        rows = _make_rows(cursor, request)
        targets = _targets(cursor, request.version, out)
        done = 0
        for path, start in targets:
            batches = _batches(cursor, request.version, start)
            schema = focus_schema(request.version)
            done += write_table(path, schema, batches, lambda n, d=done: progress(d + n, rows))  # type: ignore[misc] # the default binds d
        files = tuple(path for path, _ in targets)
        unpriced = _write_unpriced(cursor, request, _companion(out, request.version))
        return FocusSummary(files, rows, _totals(cursor), unpriced)


def focus_table(store: Store, request: FocusRequest) -> pa.Table:
    """The same rows in memory."""
    with store.reading() as cursor:
        _make_rows(cursor, request)
        return pa.Table.from_batches(
            _batches(cursor, request.version, None), focus_schema(request.version)
        )


def _make_rows(cursor: duckdb.DuckDBPyConnection, request: FocusRequest) -> int:
    resource_ids = request.parties.resource_ids
    cursor.register("resource_ids", _pairs("backend", "resource_id", resource_ids))
    cursor.register("region_names", _pairs("region", "region_name", REGION_NAMES))
    text = resources.files("analytics.exports.sql").joinpath("focus.sql").read_text("utf-8")
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE focus_rows AS {text}", _parameters(request))
    return int(cursor.execute("SELECT count(*) FROM focus_rows").fetchall()[0][0])


def _parameters(request: FocusRequest) -> dict[str, Any]:
    parties, period = request.parties, request.period
    return {
        "since": period.since,
        "until": period.until,
        "zone": period.timezone,
        "step": request.granularity,
        "split": request.version != "1.2",
        "sub_account": request.sub_account or parties.sub_account,
        **{name: getattr(parties, name) for name in _NAMED},
    }


def _pairs(key: str, value: str, pairs: Any) -> pa.Table:  # noqa: ANN401 - any mapping of texts
    kinds = pa.schema([(key, pa.string()), (value, pa.string())])
    return pa.table({key: list(pairs), value: list(pairs.values())}, schema=kinds)


def _targets(
    cursor: duckdb.DuckDBPyConnection, version: Version, out: Path
) -> list[tuple[Path, str | None]]:
    """The files to write, each with the start of its billing period; None: all of them."""
    if out.suffix in SUFFIXES:
        return [(out, None)]
    starts = cursor.execute(
        "SELECT DISTINCT strftime(BillingPeriodStart, '%Y-%m-%dT%H:%M:%SZ') AS start, "
        "strftime(BillingPeriodStart + (BillingPeriodEnd - BillingPeriodStart) / 2, '%Y-%m') "
        "FROM focus_rows ORDER BY start"
    ).fetchall()
    return [(out / f"focus-{version}-{month}.parquet", start) for start, month in starts]


def _batches(
    cursor: duckdb.DuckDBPyConnection, version: Version, start: str | None
) -> Iterator[pa.RecordBatch]:
    names = ", ".join(column.name for column in focus_columns(version))
    schema = focus_schema(version)
    reader = cursor.execute(
        f"SELECT {names} FROM focus_rows "  # noqa: S608 - our own names
        "WHERE $start::TIMESTAMPTZ IS NULL OR BillingPeriodStart = $start::TIMESTAMPTZ",
        {"start": start},
    ).to_arrow_reader(_BATCH_ROWS)
    for batch in reader:
        yield batch.cast(schema)


def _totals(cursor: duckdb.DuckDBPyConnection) -> tuple[Total, ...]:
    rows = cursor.execute(
        "SELECT BillingCurrency, sum(BilledCost), sum(EffectiveCost), "
        "COALESCE(sum(EffectiveCost) FILTER (x_UsageSource = 'estimated'), 0) "
        "FROM focus_rows GROUP BY ALL ORDER BY BillingCurrency"
    ).fetchall()
    return tuple(Total(*row) for row in rows)


def _companion(out: Path, version: Version) -> Path:
    if out.suffix in SUFFIXES:
        return out.with_name(f"{out.stem}.unpriced{out.suffix}")
    return out / f"unpriced-{version}.parquet"


def _write_unpriced(
    cursor: duckdb.DuckDBPyConnection, request: FocusRequest, path: Path
) -> Unpriced:
    """List what has no price; a list that an earlier export left goes when there is nothing."""
    parameters = _parameters(request)
    span = {name: parameters[name] for name in ("since", "until")}
    table = cursor.execute(_UNPRICED, {**span, "zone": parameters["zone"]}).to_arrow_table()
    if not table.num_rows:
        path.unlink(missing_ok=True)
        return Unpriced(0, 0, None)
    write_table(path, table.schema, table.to_batches())
    counted = cursor.execute(_UNPRICED_REQUESTS, span).fetchall()
    requests = int(counted[0][0])
    return Unpriced(table.num_rows, requests, path)


_UNPRICED: Final = """
    SELECT (hour AT TIME ZONE $zone)::DATE AS day, unpriced_reason AS reason, team, key_id,
        arg_max(key_name, hour) AS key_name, backend, region, deployment, deployment_type, model,
        model_version, meter, usage_source, sum(requests)::BIGINT AS requests,
        sum(quantity)::DECIMAL(38, 6) AS quantity
    FROM charges
    WHERE hour >= $since AND hour < $until AND cost IS NULL
    GROUP BY ALL HAVING sum(quantity) <> 0
    ORDER BY ALL
"""
_UNPRICED_REQUESTS: Final = """
    SELECT COALESCE(sum(unpriced_requests), 0)::BIGINT FROM unpriced_requests_hourly
    WHERE hour >= $since AND hour < $until
"""
