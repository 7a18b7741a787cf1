"""What a contract makes of the price list: list prices less discounts, as rates of their own.

Each keeps the list's price and the id of the list's rate, so that a charge shows what it would have
cost without the contract. A discount for a part of what a list's rate holds for (a region, a
version, some months) makes a rate for that part.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from analytics.ratecard.choose import rank
from analytics.ratecard.models import same_version
from analytics.ratecard.rate_id import rate_id
from analytics.ratecard.regions import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from analytics.ratecard.discounts import Discount
    from analytics.ratecard.rate import Rate

SOURCE: Final = "contract"
LISTS: Final = frozenset({"azure-retail", "azure-genai-prices"})
"""The sources whose prices contracts are about."""
_QUESTION: Final = attrgetter(
    "source", "model", "meter", "deployment_type", "service_tier", "context_tier", "image_size",
    "image_quality", "currency",
)  # fmt: skip
_DIGITS: Final = Decimal("1e-12")
_START: Final = datetime.min.replace(tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)


def contract_rates(
    list_rates: Iterable[Rate], discounts: Sequence[Discount], version: str
) -> list[Rate]:
    """The rates that the discounts make of Azure's list rates.

    Args:
        list_rates: of any source; only Azure's lists count.
        discounts: in the order of the file.
        version: of the file and the lists together.
    """
    listed = sorted((rate for rate in list_rates if rate.source in LISTS), key=rank)
    # Of two alike the later in the file comes first.
    numbered = sorted(
        enumerate(discounts), key=lambda one: (one[1].specificity(), one[0]), reverse=True
    )
    order = [discount for _, discount in numbered]
    alike: dict[object, list[Rate]] = defaultdict(list)
    for one in listed:
        alike[_QUESTION(one)].append(one)
    made = [rate for one in listed for rate in _of_rate(one, order, version, alike[_QUESTION(one)])]
    return list({rate.rate_id: rate for rate in made}.values())


def _of_rate(
    rate: Rate, discounts: Sequence[Discount], version: str, alike: Sequence[Rate]
) -> Iterator[Rate]:
    fitting = [one for one in discounts if one.concerns(rate)]
    for place in _places(rate, fitting):
        for model_version in _versions(rate, fitting):
            part = replace(rate, region=place, model_version=model_version)
            if _has_its_own(part, rate, alike):
                continue
            here = [one for one in fitting if one.covers(place) and _for_version(one, part)]
            for discount, start, end in _spans(rate, here):
                # What holds for all of the list's rate needs no rate for a part of it.
                if part == rate or not (
                    discount.covers(rate.region) and _for_version(discount, rate)
                ):
                    yield _discounted(part, discount, start, end, version)


def _has_its_own(part: Rate, rate: Rate, alike: Sequence[Rate]) -> bool:
    """Whether the list has another rate for a part of what `rate` is for, in the same time."""
    others = [
        other
        for other in alike
        if other is not rate
        and rate.valid_from < (other.valid_to or _END)
        and other.valid_from < (rate.valid_to or _END)
    ]
    if part.model_version is not None and part.model_version != rate.model_version:
        versions = [other.model_version for other in others if other.model_version is not None]
        return any(same_version(version, part.model_version) for version in versions)
    return part.region != rate.region and (part.model_version, part.region) in [
        (other.model_version, other.region) for other in others
    ]


def _for_version(discount: Discount, rate: Rate) -> bool:
    """Whether the discount holds for all versions that the rate is for."""
    return discount.version is None or (
        rate.model_version is not None and same_version(rate.model_version, discount.version)
    )


def _places(rate: Rate, discounts: Sequence[Discount]) -> list[str | None]:
    """Where the rate holds, and the places inside it that a discount names."""
    inside = {
        one.region
        for one in discounts
        if one.region is not None and (rate.region is None or zone_of(one.region) == rate.region)
    }
    return [rate.region, *sorted(inside - {rate.region})]


def _versions(rate: Rate, discounts: Sequence[Discount]) -> list[str | None]:
    if rate.model_version is not None:
        return [rate.model_version]
    return [None, *sorted({one.version for one in discounts if one.version is not None})]


def _spans(
    rate: Rate, discounts: Sequence[Discount]
) -> Iterator[tuple[Discount, datetime, datetime | None]]:
    """The discount that applies, from when to when, within the rate's own time."""
    first, last = rate.valid_from, rate.valid_to or _END
    edges = {first, last}
    for one in discounts:
        edges |= {min(max(edge, first), last) for edge in _lasts(one)}
    days = sorted(edges)
    open_span: tuple[Discount, datetime] | None = None
    for start in days:
        applies = next((o for o in discounts if _lasts(o)[0] <= start < _lasts(o)[1]), None)
        applies = None if start >= last else applies
        if open_span and open_span[0] is not applies:
            yield (*open_span, None if start == _END else start)
            open_span = None
        if applies and open_span is None:
            open_span = (applies, start)


def _lasts(discount: Discount) -> tuple[datetime, datetime]:
    start = _midnight(discount.valid_from) if discount.valid_from else _START
    return start, _midnight(discount.valid_to) if discount.valid_to else _END


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _discounted(
    rate: Rate, discount: Discount, start: datetime, end: datetime | None, version: str
) -> Rate:
    return rate_id(
        replace(
            rate,
            rate_id="",
            price=(rate.price * (100 - discount.percent) / 100).quantize(_DIGITS),
            valid_from=start,
            valid_to=end,
            source=SOURCE,
            source_version=version,
            source_name=discount.label,
            list_price=rate.price,
            list_rate_id=rate.rate_id,
        )
    )
