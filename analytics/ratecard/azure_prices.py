"""Rates from Azure's own retail price list, as `azure-genai-prices` ships it.

The list has one entry per meter, price and set of regions, with the day from which a price holds
in them; that is also the day a meter came to a region, so a later day with the same price is no
change. Regions that cost the same are put together: everywhere outside Azure Government, else the
data zone, else each region by itself. A list that was asked for some regions only does not tell the
others' prices: of it, only what Azure sells at one price everywhere is put together.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any, Final

from analytics.ratecard.azure_meters import read_meter_name, units_per_price
from analytics.ratecard.rate import Rate
from analytics.ratecard.rate_id import rate_id
from analytics.ratecard.regions import EU, US

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from analytics.ratecard.azure_meters import MeterName
    from analytics.ratecard.rate import Source

SOURCE: Final = "azure-genai-prices"
_NOWHERE: Final = frozenset({"", "global"})
_SMALLEST: Final = Decimal("1e-12")

Step = tuple[datetime, Decimal]
Timeline = tuple[Step, ...]
"""Prices of a meter in a region, each with the day it began."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A line of a price list: what one unit of a meter costs from a day on, and where."""

    meter: MeterName
    price: Decimal
    since: datetime
    regions: Sequence[str]
    name: str


def azure_source_version() -> str:
    """The package's version; its price list is part of it."""
    return metadata.version(SOURCE)


def azure_rates() -> list[Rate]:
    """Every rate of the price list."""
    text = resources.files("azure_genai_prices.data").joinpath("snapshot.json").read_text("utf-8")
    return read_price_list(json.loads(text)["items"], azure_source_version())


def read_price_list(items: Iterable[Mapping[str, Any]], source_version: str) -> list[Rate]:
    """Rates of the entries of the list that `azure-genai-prices` ships."""
    offers = (
        read_offer(
            item["meterName"],
            item["productName"],
            item["unitOfMeasure"],
            price=Decimal(str(item["retailPrice"])),
            since=datetime.fromisoformat(item["effectiveStartDate"]).astimezone(UTC),
            regions=item["regions"],
        )
        for item in items
    )
    return offered_rates((one for one in offers if one), SOURCE, source_version)


def read_offer(
    name: str,
    product: str,
    unit: str,
    *,
    price: Decimal,
    since: datetime,
    regions: Sequence[str],
) -> Offer | None:
    """An offer of a meter of ours; None for other meters, and for a price of nothing.

    Zero in the list is a placeholder, and unpriced is better than free.
    """
    meter = read_meter_name(name, product)
    units = units_per_price(unit, meter.meter) if meter else None
    if meter is None or units is None or price <= 0:
        return None
    return Offer(meter, price / units, since, [region.lower() for region in regions], name)


def offered_rates(
    offers: Iterable[Offer],
    source: Source,
    source_version: str,
    *,
    currency: str = "USD",
    whole: bool = True,
) -> list[Rate]:
    """Rates of the offers of one list; `whole` when the list is not of some regions only."""
    prices: dict[MeterName, dict[str, dict[datetime, Decimal]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    names: dict[MeterName, str] = {}
    for offer in offers:
        names[offer.meter] = offer.name
        for region in offer.regions:
            prices[offer.meter][region][offer.since] = offer.price
    return [
        rate_id(
            Rate(
                rate_id="",
                model=meter.model,
                model_version=meter.version,
                meter=meter.meter,
                price=_storable(price),
                valid_from=start,
                valid_to=end,
                deployment_type=meter.deployment_type,
                region=place,
                service_tier=meter.service_tier,
                context_tier=meter.context_tier,
                image_size=size,
                image_quality=meter.image_quality,
                currency=currency,
                source=source,
                source_version=source_version,
                source_name=names[meter],
            )
        )
        for meter, regions in prices.items()
        for place, price, start, end in _periods(meter, regions, whole=whole)
        for size in meter.image_sizes
    ]


def _periods(
    meter: MeterName, regions: Mapping[str, Mapping[datetime, Decimal]], *, whole: bool
) -> Iterator[tuple[str | None, Decimal, datetime, datetime | None]]:
    """Place, price, first day and end of each price."""
    timelines = {region: _timeline(steps) for region, steps in regions.items()}
    everywhere = whole or meter.deployment_type == "global"
    zones = everywhere or meter.deployment_type == "data_zone"
    for place, timeline in _by_place(timelines, everywhere=everywhere, zones=zones):
        ends = [start for start, _ in timeline[1:]] + [None]
        for (start, price), end in zip(timeline, ends, strict=True):
            yield place, price, start, end


def _storable(price: Decimal) -> Decimal:
    """The price with as many digits as the store keeps."""
    rounded = price.quantize(_SMALLEST)
    return price if rounded == price else rounded


def _timeline(steps: Mapping[datetime, Decimal]) -> Timeline:
    """The price's changes in order."""
    changes: list[Step] = []
    for start, price in sorted(steps.items()):
        if not changes or changes[-1][1] != price:
            changes.append((start, price))
    return tuple(changes)


def _by_place(
    timelines: Mapping[str, Timeline], *, everywhere: bool, zones: bool
) -> Iterator[tuple[str | None, Timeline]]:
    """The fewest places that tell every region's price: None stands for everywhere."""
    public = {name: line for name, line in timelines.items() if not name.startswith("usgov")}
    rest = dict(timelines)
    same = _common(public) if everywhere else None
    if same:
        yield None, same
        rest = {name: line for name, line in rest.items() if name not in public}
    for zone, members in (("eu", EU), ("us", US)) if zones else ():
        inside = {name: line for name, line in rest.items() if name in members}
        common = _common(inside)
        if common:
            yield zone, common
            rest = {name: line for name, line in rest.items() if name not in inside}
    for name, line in rest.items():
        yield (None if name in _NOWHERE else name), line


def _common(timelines: Mapping[str, Timeline]) -> Timeline | None:
    """The timeline of all, from the earliest start, when they differ in nothing but the start."""
    shapes = {(line[0][1], line[1:]) for line in timelines.values()}
    if len(shapes) != 1:
        return None
    first = min(line[0][0] for line in timelines.values())
    price, later = shapes.pop()
    return ((first, price), *later)
