"""Rates from Azure's own retail price list, as `azure-genai-prices` ships it.

The list has one entry per meter, price and set of regions, with the day from which a price holds
in them; that is also the day a meter came to a region, so a later day with the same price is no
change. Regions that cost the same are put together: everywhere outside Azure Government, else the
data zone, else each region by itself.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any, Final

from analytics.ratecard.azure_meters import read_meter_name, units_per_price
from analytics.ratecard.rate import Rate
from analytics.ratecard.rate_id import rate_id
from analytics.ratecard.regions import EU, US

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analytics.ratecard.azure_meters import MeterName

SOURCE: Final = "azure-genai-prices"
_NOWHERE: Final = frozenset({"", "global"})

Step = tuple[datetime, Decimal]
Timeline = tuple[Step, ...]
"""Prices of a meter in a region, each with the day it began."""


def azure_source_version() -> str:
    """The package's version; its price list is part of it."""
    return metadata.version(SOURCE)


def azure_rates() -> list[Rate]:
    """Every rate of the price list."""
    text = resources.files("azure_genai_prices.data").joinpath("snapshot.json").read_text("utf-8")
    return read_price_list(json.loads(text)["items"], azure_source_version())


def read_price_list(items: Iterable[Mapping[str, Any]], source_version: str) -> list[Rate]:
    """Rates of entries of Azure's retail price list."""
    prices: dict[MeterName, dict[str, dict[datetime, Decimal]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    names: dict[MeterName, str] = {}
    for item in items:
        meter = read_meter_name(item["meterName"], item["productName"])
        price = Decimal(str(item["retailPrice"])) / units_per_price(item["unitOfMeasure"])
        if meter is None or price <= 0:
            continue
        names[meter] = item["meterName"]
        since = datetime.fromisoformat(item["effectiveStartDate"]).astimezone(UTC)
        for region in item["regions"]:
            prices[meter][region.lower()][since] = price
    return [
        rate
        for meter, regions in prices.items()
        for rate in _rates(meter, regions, names[meter], source_version)
    ]


def _rates(
    meter: MeterName,
    regions: Mapping[str, Mapping[datetime, Decimal]],
    source_name: str,
    source_version: str,
) -> Iterator[Rate]:
    timelines = {region: _timeline(steps) for region, steps in regions.items()}
    for place, timeline in _by_place(timelines):
        ends = [start for start, _ in timeline[1:]] + [None]
        for (start, price), end in zip(timeline, ends, strict=True):
            for size in meter.image_sizes:
                rate = Rate(
                    rate_id="",
                    model=meter.model,
                    model_version=meter.version,
                    meter=meter.meter,
                    price=price,
                    valid_from=start,
                    valid_to=end,
                    deployment_type=meter.deployment_type,
                    region=place,
                    service_tier=meter.service_tier,
                    context_tier=meter.context_tier,
                    image_size=size,
                    image_quality=meter.image_quality,
                    source=SOURCE,
                    source_version=source_version,
                    source_name=source_name,
                )
                yield rate_id(rate)


def _timeline(steps: Mapping[datetime, Decimal]) -> Timeline:
    """The price's changes in order."""
    changes: list[Step] = []
    for start, price in sorted(steps.items()):
        if not changes or changes[-1][1] != price:
            changes.append((start, price))
    return tuple(changes)


def _by_place(timelines: Mapping[str, Timeline]) -> Iterator[tuple[str | None, Timeline]]:
    """The fewest places that tell every region's price: None stands for everywhere."""
    public = {name: line for name, line in timelines.items() if not name.startswith("usgov")}
    rest = dict(timelines)
    everywhere = _common(public)
    if everywhere:
        yield None, everywhere
        rest = {name: line for name, line in rest.items() if name not in public}
    for zone, members in (("eu", EU), ("us", US)):
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
