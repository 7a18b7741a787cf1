"""Split and add up money, to the last digit: longer numbers than decimals have by default."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal, localcontext
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_UNIT: Final = Decimal(1).scaleb(-18)
_DIGITS: Final = 60
Owner = TypeVar("Owner")


def spread(amount: Decimal, weights: Mapping[Owner, Decimal]) -> dict[Owner, Decimal]:
    """Each owner's part of `amount`, with 18 decimals; the parts add up to it exactly.

    What rounding leaves over goes to the heaviest. The weights are positive, and there is one.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        whole = sum(weights.values(), Decimal(0))
        parts = {
            owner: (amount * weight / whole).quantize(_UNIT, ROUND_DOWN)
            for owner, weight in weights.items()
        }
        heaviest = max(weights, key=lambda owner: weights[owner])
        parts[heaviest] += amount - sum(parts.values(), Decimal(0))
        return parts


def sum_exactly(owners: Iterable[Owner], amounts: Iterable[Decimal]) -> dict[Owner, Decimal]:
    """What each owner's amounts add up to."""
    with localcontext() as context:
        context.prec = _DIGITS
        totals: dict[Owner, Decimal] = {}
        for owner, amount in zip(owners, amounts, strict=True):
            totals[owner] = totals.get(owner, Decimal(0)) + amount
        return totals
