"""Reconcile: line our charges up with what Azure billed, by day, meter and resource.

A resource counts apart only where both sides know it: the bill by the name of its account, we by
the backend's host. All others are one place, in which meters are compared without it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Final

from analytics.errors import ExportError
from analytics.exports.reconcile.billed import BilledLine, read_billed
from analytics.exports.reconcile.explain import Cause, Day, Explained, explain
from analytics.exports.reconcile.metered import MeteredLine, currencies, read_metered
from analytics.exports.reconcile.meters import (
    PROVISIONED,
    MeterKey,
    align,
    billed_meter,
    is_ai,
    units,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from analytics.store import Store

_DIGITS: Final = 60
_USAGE: Final = frozenset({"usage", "unusedreservation", "unusedsavingsplan", ""})
_ACCOUNT: Final = "/accounts/"

Place = tuple[str, MeterKey]


@dataclass(frozen=True, slots=True)
class Row:
    """A day of a meter of a resource, on both sides."""

    day: date
    resource: str
    """The account, where both sides know it."""
    meter: str
    sides: Day
    explained: Explained


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every row, and what they add up to, in one currency."""

    rows: tuple[Row, ...]
    currency: str
    first: date
    last: date
    billed_cost: Decimal
    """All of it, also what is no usage of models."""
    models_cost: Decimal
    """The part that is about models: what a gateway could have metered."""
    captured_cost: Decimal
    """The part of that whose quantity passed the gateway, whatever we charged for it."""
    our_cost: Decimal
    causes: Mapping[Cause, Decimal] = field(default_factory=dict)
    """The difference by cause; adds up to `billed_cost - our_cost`."""
    other_currencies: tuple[str, ...] = ()
    """Currencies of charges that were not compared."""


def reconcile(
    store: Store,
    files: Sequence[Path],
    *,
    accounts: Mapping[str, str],
    exchange_rate: Decimal | None = None,
    amortized: bool = False,
) -> Reconciliation:
    """Compare the bill in `files` with the charges of its days.

    Args:
        store: whose charges.
        files: exports of Azure's Cost Management.
        accounts: the name of the Azure account by backend; others by the first word of their host.
        exchange_rate: units of the bill's currency for one of the charges', where they differ.
        amortized: compare with FOCUS's effective cost.

    Raises:
        ExportError: a file cannot be used, or the currencies differ.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        return _reconcile(store, files, accounts, exchange_rate, amortized=amortized)


def _reconcile(
    store: Store,
    files: Sequence[Path],
    accounts: Mapping[str, str],
    exchange_rate: Decimal | None,
    *,
    amortized: bool,
) -> Reconciliation:
    billed = read_billed(files, amortized=amortized)
    if not billed:
        raise ExportError(f"{files[0]} has no lines: nothing to compare with")
    first, last = min(line.day for line in billed), max(line.day for line in billed)
    metered = read_metered(store, first, last)
    known = currencies(metered)
    usual = billed[0].currency
    currency = usual if usual in known or not known else known[0]
    if any(line.currency != currency for line in billed) and known:
        billed = read_billed(files, currency=currency, amortized=amortized)
    billed = _in_currency(billed, currency, exchange_rate)
    series, aside = _line_up(billed, [m for m in metered if _compared(m, currency)], accounts)
    rows = [*_explained(series), *aside]
    return _summed(rows, currency, first, last, tuple(name for name in known if name != currency))


def _compared(line: MeteredLine, currency: str) -> bool:
    return line.cost is None or line.currency == currency


def _in_currency(
    billed: Iterable[BilledLine], currency: str, exchange_rate: Decimal | None
) -> list[BilledLine]:
    lines = []
    for line in billed:
        if line.currency == currency:
            lines.append(line)
        elif exchange_rate is None:
            raise ExportError(
                f"the bill is in {line.currency or 'no currency'} and the charges in {currency}: "
                f"give --exchange-rate, units of {line.currency} for one {currency}"
            )
        else:
            values = {name: getattr(line, name) for name in line.__slots__}
            values |= {"cost": line.cost / exchange_rate, "currency": currency}
            lines.append(BilledLine(**values))
    return lines


def _line_up(
    billed: Sequence[BilledLine], metered: Sequence[MeteredLine], accounts: Mapping[str, str]
) -> tuple[dict[Place, dict[date, Day]], list[Row]]:
    """Both sides by place, meter and day; and what is no usage that could be compared."""
    read = [(line, _read(line)) for line in billed]
    fitting = align({line.key for line in metered}, {key for _, key in read if key is not None})
    both = {_account(line.resource) for line in billed} & {
        _account_of(line.backend, accounts) for line in metered
    } - {""}
    series: dict[Place, dict[date, Day]] = defaultdict(lambda: defaultdict(Day))
    aside = []
    for line, key in read:
        account = _account(line.resource)
        if key is None or line.charge_type.lower() not in _USAGE:
            aside.append(_aside(line, key))
        else:
            _bill(series[account if account in both else "", key][line.day], line, key)
    for entry in metered:
        account = _account_of(entry.backend, accounts)
        place = account if account in both else ""
        _meter(series[place, fitting[entry.key]][entry.day], entry)
    return series, aside


def _read(line: BilledLine) -> MeterKey | None:
    if not is_ai(line.service, f"{line.product} {line.product_name}"):
        return None
    product = next((p for p in (line.product, line.product_name) if p.startswith("Azure ")), "")
    return billed_meter(line.meter, product)


def _aside(line: BilledLine, key: MeterKey | None) -> Row:
    """A line that is explained by what it is."""
    cause: Cause = "purchases"
    if line.charge_type.lower() in _USAGE:
        ai = is_ai(line.service, f"{line.product} {line.product_name}")
        cause = "unread_meters" if ai else "other_services"
    name = key.label if key else line.meter or line.service or line.charge_type
    sides = Day(billed_quantity=line.quantity, billed_cost=line.cost)
    return Row(line.day, "", name, sides, Explained({cause: line.cost}, Decimal(0)))


def _bill(day: Day, line: BilledLine, key: MeterKey) -> None:
    unit = units(line.unit, key)
    day.billed_quantity += line.quantity * unit
    day.billed_cost += line.cost
    half = Decimal("0.5") * line.lines
    day.quantity_tolerance += half * unit * Decimal(1).scaleb(-line.quantity_digits)
    day.cost_tolerance += half * Decimal(1).scaleb(-line.cost_digits)


def _meter(day: Day, line: MeteredLine) -> None:
    day.quantity += line.quantity
    day.estimated_quantity += line.estimated_quantity
    if line.cost is None:
        day.unpriced_quantity += line.quantity
    else:
        day.cost += line.cost
    if line.rate_id is not None:
        day.rates[line.rate_id] = line.price


def _account(resource: str) -> str:
    """The account of a resource id, or the last part of one: `.../accounts/contoso-sweden`."""
    _, found, rest = resource.lower().rpartition(_ACCOUNT)
    return rest.split("/")[0] if found else resource.lower().rstrip("/").rpartition("/")[2]


def _first_label(host: str) -> str:
    return host.partition(":")[0].partition(".")[0]


def _account_of(backend: str, accounts: Mapping[str, str]) -> str:
    return accounts.get(backend, _first_label(backend)).lower()


def _explained(series: Mapping[Place, Mapping[date, Day]]) -> list[Row]:
    rows = []
    for (resource, key), days in series.items():
        for day, found in explain(days).items():
            told = _as_provisioned(found) if key == PROVISIONED else found
            rows.append(Row(day, resource, key.label, days[day], told))
    return sorted(rows, key=lambda row: (row.day, row.resource, row.meter))


def _as_provisioned(found: Explained) -> Explained:
    """Hours of a block are bought, not measured: none of them is outside the gateway."""
    causes = dict(found.causes)
    bought = sum(
        (causes.pop(cause) for cause in ("outside_gateway", "not_billed") if cause in causes),
        Decimal(0),
    )
    return Explained(causes | ({"provisioned": bought} if bought else {}), found.captured_cost)


def _summed(
    rows: Sequence[Row], currency: str, first: date, last: date, others: tuple[str, ...]
) -> Reconciliation:
    causes: dict[Cause, Decimal] = defaultdict(Decimal)
    for row in rows:
        for cause, amount in row.explained.causes.items():
            causes[cause] += amount
    zero = Decimal(0)
    no_models = sum((causes.get(cause, zero) for cause in ("other_services", "purchases")), zero)
    billed = sum((row.sides.billed_cost for row in rows), zero)
    return Reconciliation(
        rows=tuple(rows),
        currency=currency,
        first=first,
        last=last,
        billed_cost=billed,
        models_cost=billed - no_models,
        captured_cost=sum((row.explained.captured_cost for row in rows), zero),
        our_cost=sum((row.sides.cost for row in rows), zero),
        causes=dict(sorted(causes.items(), key=lambda item: -abs(item[1]))),
        other_currencies=others,
    )
