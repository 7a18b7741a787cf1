"""Money in a chosen currency: the rows of a table of charges, each converted exactly.

A cost of 18 decimals times a rate of 8 keeps all 26 of them, row by row, so that the parts of any
breakdown add up to the total to the last digit. The rate is that of the charge's day in the
business's time zone. A charge without a rate has no cost in the chosen currency, and is counted.

A DECIMAL has 38 digits, 12 of them before the point here: sums of 10^12 and more of a currency
are refused by DuckDB or by `checked`, never wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import polars as pl

from analytics.currencies.exchange_rates import GIVEN, ExchangeRate, ExchangeRates
from analytics.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime

    from analytics.store import Store

MOMENTS: Final[Mapping[str, str]] = {
    "charges": "hour",
    "events": "started_at",
    "provisioned_hourly": "hour",
    "spend_hourly": "hour",
    "usage_events": "started_at",
}
"""What can be converted, and the column that tells when it was charged."""
_SCALE: Final = 26
_LIMIT: Final = Decimal(10) ** 12
_CHARGES: Final = "CASE WHEN charged.requests = 0 THEN sign(charged.cost) ELSE charged.requests END"
_KNOWN: Final = """
    SELECT unnest($money_from::VARCHAR[]) AS known_currency,
        unnest($money_days::DATE[]) AS known_day,
        unnest($money_rates::DECIMAL(18, 8)[]) AS known_rate
"""
_BY_DAY: Final = f"""
    LEFT JOIN ({_KNOWN}) ON known_currency = charged.currency
        AND known_day = (charged.{{moment}} AT TIME ZONE $money_zone)::DATE
"""
# Which day an hour belongs to is found once for each hour: asked of every row, it would take
# longer than all the rest.
_BY_HOUR: Final = f"""
    LEFT JOIN (
        WITH known AS ({_KNOWN}), hours AS (
            SELECT unnest(generate_series(min(known_day)::TIMESTAMPTZ - INTERVAL 1 DAY,
                max(known_day)::TIMESTAMPTZ + INTERVAL 2 DAY, INTERVAL 1 HOUR)) AS known_hour
            FROM known
        )
        SELECT known_currency, known_hour, known_rate
        FROM hours JOIN known ON known_day = (known_hour AT TIME ZONE $money_zone)::DATE
    ) ON known_currency = charged.currency AND known_hour = charged.hour
"""  # noqa: S608 - our own names
_RATES_KNOWN: Final = "SELECT count(*) FROM (FROM exchange_rates LIMIT 1)"
_GIVEN: Final = """
    SELECT from_currency, to_currency, valid_from, valid_to, rate FROM exchange_rates
    WHERE source = $given AND valid_from <= $last AND (valid_to IS NULL OR valid_to > $first)
"""


@dataclass(frozen=True, slots=True)
class Converted:
    """A table with its money in one currency, for the FROM of a query.

    `rows` has every column of the table, of which `cost` and `currency` are in the chosen
    currency, and beside them `charged_cost` and `charged_currency` as they were charged,
    `exchange_rate`, and `unconverted`: how many charges this row stands for that have no rate, 0
    when it has one. The query names `rows`' own parameters: hand over `parameters` with yours.
    """

    rows: str
    parameters: Mapping[str, object]


def converted(
    store: Store,
    table: str,
    since: datetime,
    until: datetime,
    *,
    currency: str,
    timezone: str,
    name: str = "money",
) -> Converted:
    """A table of `MOMENTS` in `currency`; right for charges from `since` until before `until`.

    The query still says which rows it wants; this only finds out which rates they need. One that
    takes two tables gives the parameters of each a `name`.
    """
    moment = MOMENTS[table]
    parameters: dict[str, object] = {f"{name}_currency": currency}
    known = list(_rates_needed(store, table, since, until, currency=currency, timezone=timezone))
    if not known:
        rows = _rows(table, rate="NULL::DECIMAL(18, 8)", join="")
        return Converted(rows.replace("$money_", f"${name}_"), parameters)
    parameters |= {
        f"{name}_zone": timezone,
        f"{name}_from": [one for one, _, _ in known],
        f"{name}_days": [day for _, day, _ in known],
        f"{name}_rates": [rate for _, _, rate in known],
    }
    join = _BY_HOUR if moment == "hour" else _BY_DAY.format(moment=moment)
    rows = _rows(table, rate="known_rate", join=join)
    return Converted(rows.replace("$money_", f"${name}_"), parameters)


def checked(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, unless a sum in it has outgrown what a DECIMAL holds.

    Raises:
        QueryError: it has.
    """
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Decimal) and kind.scale == _SCALE:
            largest = max((abs(value) for value in frame[name] if value is not None), default=0)
            if largest >= _LIMIT:
                raise too_large()
    return frame


def too_large() -> QueryError:
    """What is said when a sum needs more digits than there are."""
    return QueryError(
        "money of 10^12 and more of a currency cannot be added up exactly: choose a shorter "
        "period, or a currency of larger units"
    )


def _rows(table: str, *, rate: str, join: str) -> str:
    """The table's rows; without a join only what was charged in the currency has a cost in it."""
    # Nothing is nothing in every currency.
    same = "(charged.currency IS NOT DISTINCT FROM $money_currency OR charged.cost = 0)"
    wide = "" if not join else "::DECIMAL(38, 26)"
    other = "NULL" if not join else f"charged.cost * {rate}"
    without_rate = f"charged.cost IS NOT NULL AND NOT {same} AND {rate} IS NULL"
    # A sum of many requests counts as one charge, and less than none where it is taken back.
    charges = "1" if MOMENTS[table] == "started_at" else _CHARGES
    return f"""(
        SELECT charged.* REPLACE (
                CASE WHEN {same} THEN charged.cost{wide} ELSE {other} END AS cost,
                $money_currency AS currency
            ),
            charged.cost AS charged_cost, charged.currency AS charged_currency,
            CASE WHEN charged.currency = $money_currency THEN 1 ELSE {rate} END::DECIMAL(18, 8)
                AS exchange_rate,
            CASE WHEN {without_rate} THEN {charges} ELSE 0 END::BIGINT AS unconverted
        FROM {table} AS charged {join}
    )"""  # noqa: S608 - our own names


def _rates_needed(
    store: Store, table: str, since: datetime, until: datetime, *, currency: str, timezone: str
) -> Iterator[tuple[str, date, Decimal]]:
    """Currency, day and rate of everything that was charged in another currency."""
    if not store.frame(_RATES_KNOWN).item():
        return
    moment = MOMENTS[table]
    others = store.frame(
        f"""
        SELECT currency, (min({moment}) AT TIME ZONE $zone)::DATE AS first_day,
            (max({moment}) AT TIME ZONE $zone)::DATE AS last_day
        FROM {table}
        WHERE {moment} >= date_trunc('hour', $since) AND {moment} < $until
            AND currency <> $currency AND cost <> 0
        GROUP BY currency
        """,  # noqa: S608 - our own names
        {"zone": timezone, "since": since, "until": until, "currency": currency},
    ).rows()
    if not others:
        return
    first, last = min(row[1] for row in others), max(row[2] for row in others)
    given = store.frame(_GIVEN, {"given": GIVEN, "first": first, "last": last})
    rates = ExchangeRates(ExchangeRate(*row) for row in given.iter_rows())
    for charged, first_day, last_day in others:
        for rate in rates.history(charged, currency):
            day = max(rate.valid_from, first_day)
            while day <= last_day and (rate.valid_to is None or day < rate.valid_to):
                yield charged, day, rate.rate
                day += timedelta(days=1)
