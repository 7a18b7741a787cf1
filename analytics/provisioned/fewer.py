"""Fewer PTUs: what they would have saved, and what would then have been paid by the token.

Requests are put into the minute in which they began, one after the other. Each needs as many PTUs
as carry it and those before it in its minute; with fewer, it goes to pay-as-you-go. All of them fit
into what was there, because they were served. Where the requests themselves are no longer stored,
each hour's tokens are taken as spread evenly over it, which hides the peaks.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from analytics.provisioned.capacity import capacity_of
from analytics.provisioned.pay_as_you_go import Price

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analytics.provisioned.block import Block

_EXACT: Final = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Slice:
    """What needs at least so many PTUs of the block; parts of requests where only hours are known.

    With none or less than none it needs only what other blocks of the same deployments have. Tokens
    are all of them, weighted or not.
    """

    needs_ptus: int
    requests: Decimal
    tokens: Decimal
    price: Price


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of which only sums are known; the weight is in input tokens."""

    weight: Decimal
    requests: Decimal
    tokens: Decimal
    price: Price
    capacity_of_one: Decimal


@dataclass(frozen=True, slots=True)
class Choice:
    """A number of PTUs: what it saves, what goes over to pay-as-you-go, and what that costs."""

    ptus: int
    fewer: int
    saved: Decimal
    requests_over: Decimal
    tokens_over: Decimal
    pay_as_you_go: Decimal
    total: Decimal
    """Cost of the PTUs that are left, and pay-as-you-go."""
    unpriced_tokens: Decimal
    for_sale: bool
    """Whether Azure deploys the model in this size."""


def choices(block: Block, cost: Decimal, slices: Iterable[Slice]) -> list[Choice]:
    """Every number of PTUs from what there is down to none.

    Args:
        block: the block.
        cost: what it cost in the time that is looked at.
        slices: what went through it in that time.
    """
    above: dict[int, Slice] = defaultdict(lambda: Slice(0, Decimal(0), Decimal(0), Price()))
    for one in slices:
        # it was served, so what there was sufficed
        needs = min(one.needs_ptus, block.ptus)
        above[needs] = _sum(above[needs], one)
    over = accumulate(
        (above[block.ptus - fewer + 1] for fewer in range(1, block.ptus + 1)),
        _sum,
        initial=Slice(0, Decimal(0), Decimal(0), Price()),
    )
    return [_choice(block, cost, fewer, one) for fewer, one in enumerate(over)]


def best(known: Sequence[Choice]) -> Choice:
    """The cheapest that Azure deploys, or that there is; of equals the largest.

    Where something has no price, a choice that sends it to pay-as-you-go cannot be compared.
    """
    able = [one for one in known if one.for_sale and not one.unpriced_tokens]
    return min(able or known[:1], key=lambda one: (one.total, one.fewer))


def spread(hour: Hour, ptus: int) -> list[Slice]:
    """An hour's sums, cut into what each PTU of a block of this size carries."""
    if hour.weight <= 0:
        return [Slice(1, hour.requests, hour.tokens, hour.price)]
    made, begins = [], Decimal(0)
    for needed in range(1, ptus + 1):
        ends = hour.weight
        if needed < ptus:
            ends = min(hour.weight, needed * hour.capacity_of_one)
        if ends > begins:
            part = (ends - begins) / hour.weight
            price = Price(hour.price.cost * part, hour.price.unpriced_tokens * part)
            made.append(Slice(needed, hour.requests * part, hour.tokens * part, price))
            begins = ends
        if begins == hour.weight:
            break
    return made


def _sum(one: Slice, other: Slice) -> Slice:
    return Slice(
        0, one.requests + other.requests, one.tokens + other.tokens, one.price + other.price
    )


def _choice(block: Block, cost: Decimal, fewer: int, over: Slice) -> Choice:
    saved = (cost * fewer / block.ptus).quantize(_EXACT, ROUND_HALF_EVEN)
    paid = over.price.cost.quantize(_EXACT, ROUND_HALF_EVEN)
    left = block.ptus - fewer
    return Choice(
        ptus=left,
        fewer=fewer,
        saved=saved,
        requests_over=over.requests.quantize(Decimal(1)),
        tokens_over=over.tokens.quantize(Decimal(1)),
        pay_as_you_go=paid,
        total=cost - saved + paid,
        unpriced_tokens=over.price.unpriced_tokens.quantize(Decimal(1)),
        for_sale=fewer == 0 or left == 0 or _is_size(block, left),
    )


def _is_size(block: Block, ptus: int) -> bool:
    published = capacity_of(block.model)
    if published is None:
        return True
    smallest, step = published.sizes(block.compared_with)
    return ptus >= smallest and (ptus - smallest) % step == 0
