"""Read what Azure billed, from the files that Cost Management exports: CSV, gzipped CSV or Parquet.

DuckDB reads and adds up, so that the export of a whole company fits; what comes out is one line for
each day, meter and resource. Nothing is guessed: a file that cannot be read wholly is refused.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import duckdb

from analytics.errors import ExportError
from analytics.exports.reconcile.shapes import shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from decimal import Decimal
    from pathlib import Path

_DATES: Final = (
    "%m/%d/%Y", "%Y-%m-%d", "%Y%m%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S+00", "%Y-%m-%dT%H:%M:%S.%fZ", "%m/%d/%Y %H:%M:%S",
    "%Y-%m-%dT%H:%MZ", "%m/%d/%Y %I:%M:%S %p",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BilledLine:
    """What a day of a meter of a resource cost; quantity in the export's own unit of measure."""

    day: date
    meter: str
    service: str
    product: str
    product_name: str
    unit: str
    resource: str
    charge_type: str
    currency: str
    lines: int
    quantity: Decimal
    cost: Decimal
    cost_digits: int
    """How many decimals the file writes costs with, at most."""
    quantity_digits: int


def read_billed(
    files: Iterable[Path], *, currency: str | None = None, amortized: bool = False
) -> list[BilledLine]:
    """Every line of the files, added up.

    Args:
        files: exports; those of one bill, in any mixture of shapes.
        currency: the currency to take costs in, where a file has them in several.
        amortized: take FOCUS's effective cost instead of the billed one.

    Raises:
        ExportError: a file is no such export; the message says what is wrong with it.
    """
    lines: list[BilledLine] = []
    for file in files:
        with closing(duckdb.connect(":memory:")) as connection:
            try:
                lines += _read(connection, file, currency=currency, amortized=amortized)
            except duckdb.Error as error:
                raise ExportError(f"{file} cannot be read: {str(error).splitlines()[0]}") from None
    return lines


def _read(
    connection: duckdb.DuckDBPyConnection, file: Path, *, currency: str | None, amortized: bool
) -> list[BilledLine]:
    if not file.is_file():
        raise ExportError(f"there is no file {file}")
    source = (
        "read_parquet($file)"
        if file.suffix == ".parquet"
        else "read_csv($file, all_varchar = true, header = true, delim = ',', quote = '\"', "
        "escape = '\"', strict_mode = true)"
    )
    values = {"file": str(file)}
    present = [
        row[0]
        for row in connection.execute(f"DESCRIBE SELECT * FROM {source}", values).fetchall()  # noqa: S608 - our own text
    ]
    shape = shape_of(present)
    missing = shape.missing(present)
    if missing:
        raise ExportError(
            f"{file} is no cost export of Azure: it has no column {missing[0]} "
            "(give cost details, actual or amortized, or a FOCUS export)"
        )
    found = shape.find(present)
    if amortized and "effective_cost" in found:
        found["cost"] = found["effective_cost"]
    connection.execute(
        f"CREATE TEMP TABLE raw AS SELECT {_texts(found)} FROM {source}",  # noqa: S608 - quoted
        values,
    )
    _refuse_what_is_none(connection, file, found)
    table = connection.execute(_SUMS, {"wanted": currency, "dates": list(_DATES)}).to_arrow_table()
    return [BilledLine(**row) for row in table.to_pylist()]


_THINGS: Final = (
    "day", "meter", "service", "product", "product_name", "quantity", "unit", "cost", "currency",
    "pricing_cost", "pricing_currency", "usd_cost", "resource", "charge_type",
)  # fmt: skip


def _texts(found: Mapping[str, str]) -> str:
    """A select list that gives each thing as text, the file's columns safely quoted."""
    parts = []
    for thing in _THINGS:
        column = '"' + found[thing].replace('"', '""') + '"' if thing in found else "NULL"
        parts.append(f"trim({column}::VARCHAR) AS {thing}")
    return ", ".join(parts)


def _refuse_what_is_none(
    connection: duckdb.DuckDBPyConnection, file: Path, found: Mapping[str, str]
) -> None:
    checks = {
        "day": ("try_strptime(day, $dates) IS NULL", "day"),
        "quantity": ("quantity <> '' AND try_cast(quantity AS DECIMAL(38, 18)) IS NULL", "number"),
        "cost": ("COALESCE(try_cast(cost AS DECIMAL(38, 18)) IS NULL, TRUE)", "number"),
    }
    for thing, (wrong, kind) in checks.items():
        values: dict[str, Any] = {"dates": list(_DATES)} if "$dates" in wrong else {}
        rows = connection.execute(
            f"SELECT {thing} FROM raw WHERE {wrong} LIMIT 1",  # noqa: S608 - our own texts
            values or None,
        ).fetchall()
        if rows:
            raise ExportError(f"{file}: {rows[0][0]!r} in column {found[thing]} is no {kind}")


_SUMS: Final = r"""
    WITH chosen AS (
        SELECT *,
            CASE WHEN $wanted::VARCHAR IS NULL OR currency = $wanted THEN 'billing'
                 WHEN pricing_currency = $wanted AND pricing_cost <> '' THEN 'pricing'
                 WHEN 'USD' = $wanted AND usd_cost <> '' THEN 'usd'
                 ELSE 'billing' END AS taken
        FROM raw
    ), read AS (
        SELECT try_strptime(day, $dates)::DATE AS day, COALESCE(meter, '') AS meter,
            COALESCE(service, '') AS service, COALESCE(product, '') AS product,
            COALESCE(product_name, '') AS product_name, COALESCE(unit, '') AS unit,
            lower(COALESCE(resource, '')) AS resource,
            COALESCE(charge_type, 'Usage') AS charge_type,
            CASE taken WHEN 'pricing' THEN pricing_currency WHEN 'usd' THEN 'USD'
                 ELSE COALESCE(currency, '') END AS currency,
            CASE taken WHEN 'pricing' THEN pricing_cost WHEN 'usd' THEN usd_cost ELSE cost END
                AS cost_text,
            COALESCE(NULLIF(quantity, ''), '0') AS quantity_text
        FROM chosen
    ), digits AS (
        SELECT max(length(regexp_extract(cost_text, '\.(\d+)$', 1))) AS cost_digits,
            max(length(regexp_extract(quantity_text, '\.(\d+)$', 1))) AS quantity_digits
        FROM read
    )
    SELECT day, meter, service, product, product_name, unit, resource, charge_type, currency,
        count(*) AS lines, sum(quantity_text::DECIMAL(38, 18)) AS quantity,
        sum(cost_text::DECIMAL(38, 18)) AS cost, any_value(cost_digits) AS cost_digits,
        any_value(quantity_digits) AS quantity_digits
    FROM read, digits
    GROUP BY day, meter, service, product, product_name, unit, resource, charge_type, currency
    ORDER BY ALL
"""
