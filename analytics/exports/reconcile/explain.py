"""Why the bill and our charges differ: one meter of one resource, over its days.

A day's difference is taken apart into amounts that add up to it, to the last digit. Quantities are
valued at what the bill asked for them that day; whatever then remains is the price's.

    billed - ours = (their price x (their quantity - ours)) + (their price x ours - our cost)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Cause = Literal[
    "outside_gateway",
    "not_billed",
    "price",
    "unpriced",
    "estimated",
    "day_boundary",
    "rounding",
    "provisioned",
    "unread_meters",
    "other_services",
    "purchases",
]
CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)
MEANINGS: Final[Mapping[Cause, str]] = {
    "outside_gateway": "billed usage that did not pass the gateway, or was lost on the way",
    "not_billed": "metered here and not on the bill: late, free, or billed to another account",
    "price": "the bill's unit price is not that of our rate",
    "unpriced": "usage that the rate card has no price for",
    "estimated": "usage that was estimated here, and may be estimated wrong",
    "day_boundary": "usage that the bill has on the day before or after",
    "rounding": "less than the export's own decimals tell",
    "provisioned": "hours of provisioned throughput",
    "unread_meters": "meters of models that no request uses, such as fine-tuning or hosting",
    "other_services": "services that are no models",
    "purchases": "purchases, refunds, credits and taxes",
}
_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class Day:
    """Both sides of a meter on a day; what is not there is zero."""

    billed_quantity: Decimal = _ZERO
    billed_cost: Decimal = _ZERO
    quantity: Decimal = _ZERO
    """Ours, with what has no price."""
    cost: Decimal = _ZERO
    unpriced_quantity: Decimal = _ZERO
    estimated_quantity: Decimal = _ZERO
    quantity_tolerance: Decimal = _ZERO
    """What the export's rounding can hide of the quantity, and of the cost."""
    cost_tolerance: Decimal = _ZERO
    rates: dict[str, Decimal | None] = field(default_factory=dict)
    """The prices of the rates that we charged by."""

    @property
    def difference(self) -> Decimal:
        """How much more was billed than we charged."""
        return self.billed_cost - self.cost

    @property
    def missing(self) -> Decimal:
        """How much more was billed than we metered."""
        return self.billed_quantity - self.quantity


@dataclass(frozen=True, slots=True)
class Explained:
    """A day's difference by cause, and how much of the billed cost we had metered."""

    causes: Mapping[Cause, Decimal]
    captured_cost: Decimal


def explain(days: Mapping[date, Day]) -> dict[date, Explained]:
    """Each day's difference by cause; the causes of a day add up to its difference exactly."""
    moved = _moved(days)
    return {day: _explain(sides, moved.get(day, _ZERO)) for day, sides in days.items()}


def _moved(days: Mapping[date, Day]) -> dict[date, Decimal]:
    """What a day lacks and its neighbour has too much: the part of `missing` that moved."""
    left = {
        day: sides.missing if abs(sides.missing) > sides.quantity_tolerance else _ZERO
        for day, sides in days.items()
    }
    moved: dict[date, Decimal] = {}
    for day in sorted(days):
        after = day + timedelta(days=1)
        if after in left and left[day] * left[after] < 0:
            amount = min(abs(left[day]), abs(left[after]))
            signed = amount if left[day] > 0 else -amount
            for one, part in ((day, signed), (after, -signed)):
                left[one] -= part
                moved[one] = moved.get(one, _ZERO) + part
    return moved


def _explain(sides: Day, moved: Decimal) -> Explained:
    causes: dict[Cause, Decimal] = {}
    priced_quantity = sides.quantity - sides.unpriced_quantity
    if sides.billed_quantity:
        price = sides.billed_cost / sides.billed_quantity
    elif priced_quantity:
        price = sides.cost / priced_quantity
    else:
        price = _ZERO
    left = sides.missing - moved
    small = abs(left) <= sides.quantity_tolerance
    _add(causes, "day_boundary", price * moved)
    guessed = _guessed(sides, left) if not small else _ZERO
    _add(causes, "estimated", price * guessed)
    _add(causes, _of_quantity(left, small=small), price * (left - guessed))
    unpriced = price * sides.unpriced_quantity
    _add(causes, "unpriced", unpriced)
    rest = sides.difference - price * sides.missing - unpriced
    _add(causes, "rounding" if abs(rest) <= sides.cost_tolerance else "price", rest)
    # What division left over, so that the causes add up.
    exact = sides.difference - sum(causes.values(), _ZERO)
    _add(causes, "rounding", exact)
    seen = sides.quantity + max(moved, _ZERO) + max(guessed, _ZERO)
    captured = sides.billed_cost if small else price * min(sides.billed_quantity, seen)
    return Explained({cause: value for cause, value in causes.items() if value}, captured)


def _guessed(sides: Day, left: Decimal) -> Decimal:
    """The part of a quantity that may be an estimate's error; nothing where nothing was billed."""
    if not sides.billed_quantity:
        return _ZERO
    most = min(abs(left), sides.estimated_quantity)
    return most if left > 0 else -most


def _of_quantity(left: Decimal, *, small: bool) -> Cause:
    if small:
        return "rounding"
    return "outside_gateway" if left > 0 else "not_billed"


def _add(causes: dict[Cause, Decimal], cause: Cause, amount: Decimal) -> None:
    causes[cause] = causes.get(cause, _ZERO) + amount
