"""Chargeback: what each team owes for a period, so that all of it adds up to the bill.

Hours of provisioned throughput that nobody used are a row of their own, or are spread over those
who used the rest of the block, by what they used of it. The total is the same either way, and the
same as that of a FOCUS export of the period.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from analytics.exports.spread import spread
from analytics.reports.split import DIMENSIONS, Split, parameters
from analytics.types import Filters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from analytics.exports.period import Period
    from analytics.store import Store

KNOWN: Final = tuple(name for name in DIMENSIONS if name not in {"hour", "usage_source"})
"""What a chargeback can be split by."""
_MONEY: Final = pl.Decimal(38, 18)
_DIGITS: Final = 60
_COSTS: Final = ("usage_cost", "provisioned_cost", "idle_cost")
_IS_IDLE: Final = "(meter = 'provisioned' AND key_id IS NULL AND key_name = 'idle')"

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Costs:
    """What the rows of one period cost, by the split's values, `kind` and currency."""

    rows: dict[Key, dict[str, Any]]

    def total(self, key: Key) -> Decimal | None:
        """All that a row costs; None when nothing of it has a price."""
        row = self.rows.get(key, {})
        known = [row[name] for name in _COSTS if row.get(name) is not None]
        return sum(known, Decimal(0)) if known else None


def chargeback(
    store: Store, period: Period, by: Iterable[str] = ("team",), *, spread_idle: bool = False
) -> pl.DataFrame:
    """One row per value of `by` and currency, dearest first; money is Decimal, to the last digit.

    Columns: those of `by`, `kind` (`usage` or `idle`), `currency`, `requests`, `input_tokens`,
    `output_tokens` (split by meter: its `quantity` instead), `usage_cost`,
    `provisioned_cost`, `idle_cost`, `total_cost`, `estimated_cost` (the part whose usage was
    estimated), `unpriced_requests`, and, unless split by day, `previous_cost` of the period before,
    `change` and `change_percent`.

    Raises:
        QueryError: `by` names something unknown, or the store cannot answer.
    """
    split = Split.of(by, KNOWN)
    with localcontext() as context:
        context.prec = _DIGITS
        return _chargeback(store, period, split, spread_idle=spread_idle)


def _chargeback(store: Store, period: Period, split: Split, *, spread_idle: bool) -> pl.DataFrame:
    now = _costs(store, period, split, spread_idle=spread_idle)
    compared = "day" not in split.by
    before = _costs(store, period.before(), split, spread_idle=spread_idle) if compared else None
    rows = [dict(row) for row in _rows(split, now, before)]
    schema = _schema(split, compared=compared)
    order = (*(["day"] if "day" in split.by else []), "total_cost", *split.columns, "currency")
    return pl.DataFrame(rows, schema=schema).sort(
        order, descending=[name == "total_cost" for name in order], nulls_last=True
    )


def _rows(split: Split, now: _Costs, before: _Costs | None) -> Iterator[dict[str, Any]]:
    keys = dict.fromkeys([*now.rows, *(before.rows if before else ())])
    for key in keys:
        shown = now.rows.get(key)
        previous = before.total(key) if before else None
        if shown is None and not previous:
            continue
        total = now.total(key)
        change = (total or Decimal(0)) - previous if previous is not None else None
        named = dict(zip((*split.columns, "kind", "currency"), key, strict=True))
        if shown is None and before is not None:
            shown = {"key_name": before.rows[key].get("key_name")}
        yield {
            **(shown or {}),
            **named,
            "total_cost": total,
            "previous_cost": previous,
            "change": change,
            "change_percent": float(change / previous * 100) if change and previous else None,
        }


def _costs(store: Store, period: Period, split: Split, *, spread_idle: bool) -> _Costs:
    filters = Filters(period.first_hour, period.until)
    dimensions = ("kind", "currency")
    rows: dict[Key, dict[str, Any]] = {}
    for row in _ask(store, _charged(split, filters), filters, period):
        rows[tuple(row[name] for name in (*split.columns, *dimensions))] = row
    if "meter" not in split.by:
        _add_requests(rows, _ask(store, _asked(split, filters), filters, period), split)
    if spread_idle:
        blocks = _ask(store, _by_block(split, filters), filters, period)
        _spread(rows, blocks, split)
    return _Costs(rows)


def _ask(store: Store, text: str, filters: Filters, period: Period) -> list[dict[str, Any]]:
    values = parameters(filters, text, period.timezone)
    with store.reading() as cursor:
        return cursor.execute(text, values).pl().rows(named=True)


def _add_requests(
    rows: dict[Key, dict[str, Any]], asked: list[dict[str, Any]], split: Split
) -> None:
    """Requests know no currency: they stand in the first row of their values."""
    first: dict[Key, Key] = {}
    for key in sorted(rows, key=str):
        if key[-2] == "usage":
            first.setdefault(key[:-2], key)
    for counted in asked:
        values = tuple(counted[name] for name in split.columns)
        key = first.get(values, (*values, "usage", None))
        rows.setdefault(key, {}).update(counted)


def _spread(rows: dict[Key, dict[str, Any]], blocks: list[dict[str, Any]], split: Split) -> None:
    """Move each block's idle cost to those who used the block."""
    used: dict[Key, dict[Key, Decimal]] = {}
    idle: dict[Key, list[tuple[Key, Decimal]]] = {}
    block: Key
    for row in blocks:
        values = (*(row[name] for name in split.columns), row["kind"], row["currency"])
        block = (row["rate_id"], row["currency"])
        if row["kind"] == "idle":
            idle.setdefault(block, []).append((values, row["cost"]))
        else:
            used.setdefault(block, {})[values] = row["cost"]
    for block, costs in idle.items():
        weights = {key: cost for key, cost in used.get(block, {}).items() if cost > 0}
        if not weights:
            continue
        for key, part in spread(sum((cost for _, cost in costs), Decimal(0)), weights).items():
            row = rows[key]
            row["idle_cost"] = (row.get("idle_cost") or Decimal(0)) + part
        for key, cost in costs:
            rows[key]["idle_cost"] -= cost
            if not rows[key]["idle_cost"]:
                del rows[key]


def _kind(split: Split) -> str:
    return f"{split.listed} if({_IS_IDLE}, 'idle', 'usage') AS kind, currency"


def _charged(split: Split, filters: Filters) -> str:
    by_meter = "meter" in split.by
    return f"""
        SELECT {_kind(split)}, {split.newest_name}
            {_BY_METER if by_meter else ""}
            sum(cost) FILTER (meter <> 'provisioned') AS usage_cost,
            sum(cost) FILTER (meter = 'provisioned' AND NOT {_IS_IDLE}) AS provisioned_cost,
            sum(cost) FILTER ({_IS_IDLE}) AS idle_cost,
            sum(cost) FILTER (usage_source = 'estimated') AS estimated_cost
        FROM ({split.rows("charges", filters)})
        {"" if by_meter else "WHERE cost IS NOT NULL"}
        GROUP BY {split.listed} kind, currency
        HAVING sum(quantity) <> 0 OR sum(cost) <> 0
    """  # noqa: S608 - our own names


_BY_METER: Final = """
    COALESCE(sum(requests), 0)::BIGINT AS requests, sum(quantity) AS quantity,
    COALESCE(sum(requests) FILTER (cost IS NULL), 0)::BIGINT AS unpriced_requests,
"""


def _asked(split: Split, filters: Filters) -> str:
    return f"""
        SELECT {split.listed} {split.newest_name}
            COALESCE(sum(requests), 0)::BIGINT AS requests,
            COALESCE(sum(unpriced_requests), 0)::BIGINT AS unpriced_requests,
            COALESCE(sum(input_tokens), 0)::BIGINT AS input_tokens,
            COALESCE(sum(output_tokens), 0)::BIGINT AS output_tokens
        FROM (
            SELECT moment, key_name, {split.listed} requests, input_tokens, output_tokens
            FROM ({split.rows("traffic_hourly", filters)}) WHERE requests IS NOT NULL
            UNION ALL BY NAME
            SELECT moment, key_name, {split.listed} unpriced_requests
            FROM ({split.rows("unpriced_requests_hourly", filters)})
        )
        GROUP BY ALL
        HAVING sum(requests) <> 0
    """  # noqa: S608 - our own names


def _by_block(split: Split, filters: Filters) -> str:
    return f"""
        SELECT {_kind(split)}, rate_id, sum(cost) AS cost
        FROM ({split.rows("charges", filters)})
        WHERE meter = 'provisioned' AND cost IS NOT NULL
        GROUP BY ALL HAVING sum(cost) <> 0
    """  # noqa: S608 - our own names


def _schema(split: Split, *, compared: bool) -> dict[str, Any]:
    texts: dict[str, Any] = dict.fromkeys(split.columns, pl.String)
    if "day" in split.by:
        texts["day"] = pl.Date
    if "key" in split.by:
        texts["key_name"] = pl.String
    by_meter = "meter" in split.by
    counts: dict[str, Any] = {"requests": pl.Int64}
    counts |= (
        {"quantity": pl.Decimal(38, 6)}
        if by_meter
        else {"input_tokens": pl.Int64, "output_tokens": pl.Int64}
    )
    money: dict[str, Any] = dict.fromkeys((*_COSTS, "total_cost", "estimated_cost"), _MONEY)
    later: dict[str, Any] = {"unpriced_requests": pl.Int64}
    if compared:
        later |= {"previous_cost": _MONEY, "change": _MONEY, "change_percent": pl.Float64}
    return {**texts, "kind": pl.String, "currency": pl.String, **counts, **money, **later}
