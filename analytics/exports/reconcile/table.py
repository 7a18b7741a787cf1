"""A reconciliation as a table: by day, meter and resource, or added up over some of them."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from analytics.errors import QueryError
from analytics.exports.reconcile.explain import CAUSES, Day

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.exports.reconcile.explain import Cause
    from analytics.exports.reconcile.run import Reconciliation, Row

DIMENSIONS: Final = ("day", "resource", "meter")
_MONEY: Final = pl.Decimal(38, 18)
_QUANTITY: Final = pl.Decimal(38, 6)
_DIGITS: Final = 60
_SCALES: Final = {"quantity": Decimal(1).scaleb(-6), "money": Decimal(1).scaleb(-18)}
_MOST_RATES: Final = 3
_ADDED: Final = ("billed_quantity", "billed_cost", "quantity", "cost", "unpriced_quantity")


def reconciliation_table(found: Reconciliation, by: Iterable[str] = ("meter",)) -> pl.DataFrame:
    """One row per value of `by`, the largest difference first.

    Columns: those of `by`, `billed_quantity`, `our_quantity` (single units), `billed_price`,
    `billed_cost`, `our_cost`, `difference`, one column for each cause that adds to it, `rates`
    (those we charged by, with their prices) and `why`.

    Raises:
        QueryError: `by` names something else than `DIMENSIONS`.
    """
    names = tuple(dict.fromkeys(by))
    unknown = [name for name in names if name not in DIMENSIONS]
    if unknown:
        raise QueryError(f"cannot split by {unknown[0]!r}, only by {', '.join(DIMENSIONS)}")
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in found.rows:
        groups[tuple(getattr(row, name) for name in names)].append(row)
    with localcontext() as context:
        context.prec = _DIGITS
        rows = [_row(names, key, group) for key, group in groups.items()]
    shown = [cause for cause in CAUSES if any(row[cause] for row in rows)]
    schema: dict[str, Any] = {name: pl.Date if name == "day" else pl.String for name in names}
    schema |= {"billed_quantity": _QUANTITY, "our_quantity": _QUANTITY, "billed_price": _MONEY}
    schema |= dict.fromkeys(("billed_cost", "our_cost", "difference", *shown), _MONEY)
    schema |= {"rates": pl.String, "why": pl.String}
    rows.sort(key=lambda row: (-abs(row["difference"]), -row["billed_cost"], str(row)))
    return pl.DataFrame([[row[name] for name in schema] for row in rows], schema, orient="row")


def _row(names: Sequence[str], key: tuple[object, ...], group: Sequence[Row]) -> dict[str, Any]:
    total, causes = Day(), dict.fromkeys(CAUSES, Decimal(0))
    for row in group:
        for name in _ADDED:
            setattr(total, name, getattr(total, name) + getattr(row.sides, name))
        total.rates |= row.sides.rates
        for cause, amount in row.explained.causes.items():
            causes[cause] += amount
    price = total.billed_cost / total.billed_quantity if total.billed_quantity else None
    money, quantity = _SCALES["money"], _SCALES["quantity"]
    return {
        **dict(zip(names, key, strict=True)),
        "billed_quantity": total.billed_quantity.quantize(quantity),
        "our_quantity": total.quantity.quantize(quantity),
        "billed_price": price.quantize(money) if price is not None else None,
        "billed_cost": total.billed_cost.quantize(money),
        "our_cost": total.cost.quantize(money),
        "difference": total.difference.quantize(money),
        **{cause: amount.quantize(money) for cause, amount in causes.items()},
        "rates": _rates(total),
        "why": _why(total, causes),
    }


def _rates(total: Day) -> str | None:
    named = [
        f"{rate} {price.normalize():f}" if price is not None else rate
        for rate, price in sorted(total.rates.items())
    ]
    more = [f"and {len(named) - _MOST_RATES} more"] if len(named) > _MOST_RATES else []
    return ", ".join([*named[:_MOST_RATES], *more]) or None


def _why(total: Day, causes: dict[Cause, Decimal]) -> str:
    """The causes, largest first."""
    if total.unpriced_quantity and not total.billed_quantity and not total.cost:
        return "no price here, and not on the bill"
    largest = sorted(causes.items(), key=lambda item: -abs(item[1]))
    told = [f"{cause.replace('_', ' ')} {amount:+.6f}" for cause, amount in largest if amount]
    return ", ".join(told) or "the same"
