"""Rates from answers of the public Azure Retail Prices API that somebody saved.

The unit of measure says how many units a price is for: tokens come by the thousand and by the
million. A reservation's price is for its whole term, whatever its unit says. A price that holds
from some quantity on is for who uses that much, and nobody knows beforehand who does: it is left
out, as is what is sold for tests.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Final

from analytics.ratecard.azure_meters import read_meter_name
from analytics.ratecard.azure_prices import offered_rates, read_offer
from analytics.ratecard.discounts import RESERVATION
from analytics.ratecard.regions import EU, US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.ratecard.azure_prices import Offer
    from analytics.ratecard.price_files import Item, SavedAnswers
    from analytics.ratecard.rate import Rate

SOURCE: Final = "azure-retail"
_HOURS_OF_TERM: Final = {"1 Month": 730, "1 Year": 8760, "3 Years": 26280, "5 Years": 43800}


@dataclass(frozen=True, slots=True)
class PriceList:
    """The rates of a list, and what it told besides."""

    rates: tuple[Rate, ...]
    version: str
    complete: bool
    items: int
    items_left_out: int
    meters: int
    meters_of_no_usage: int
    """Training, hosting, video, other products: nothing that a request reports."""
    currencies: tuple[str, ...]
    regions: int


def read_price_list(answers: SavedAnswers) -> PriceList:
    """The rates of saved answers."""
    meters = {(item.name, item.product) for item in answers.items}
    regions = {item.region.lower() for item in answers.items if item.region} - {"global"}
    offers = _offers(answers.items)
    rates = tuple(
        rate
        for currency, of_currency in sorted(offers.items())
        for rate in offered_rates(
            of_currency, SOURCE, answers.version, currency=currency, whole=_is_whole(regions)
        )
    )
    return PriceList(
        rates=rates,
        version=answers.version,
        complete=answers.complete,
        items=len(answers.items),
        items_left_out=len(answers.items) - sum(len(some) for some in offers.values()),
        meters=len(meters),
        meters_of_no_usage=sum(read_meter_name(*meter) is None for meter in meters),
        currencies=tuple(sorted(offers)),
        regions=len(regions),
    )


def _offers(items: Sequence[Item]) -> dict[str, list[Offer]]:
    offers: dict[str, list[Offer]] = defaultdict(list)
    # Where a region's meter stands twice, the primary one is what is billed.
    for item in sorted(items, key=lambda one: one.primary):
        offer = _offer(item)
        if offer is not None:
            offers[item.currency].append(offer)
    return offers


def _is_whole(regions: set[str]) -> bool:
    """Whether it was asked for without a region: it names some on every side of the world."""
    elsewhere = {name for name in regions - EU - US if not name.startswith("usgov")}
    return bool(regions & EU and regions & US and elsewhere)


def _offer(item: Item) -> Offer | None:
    if item.from_units > 0:
        return None
    since = item.since if item.since.tzinfo else item.since.replace(tzinfo=UTC)
    offer = read_offer(
        item.name,
        item.product,
        item.unit,
        price=item.price,
        since=since.astimezone(UTC),
        regions=[item.region or ""],
    )
    if item.kind == "Reservation" and offer is not None:
        return _reservation(item, offer)
    return offer if item.kind == "Consumption" else None


def _reservation(item: Item, offer: Offer) -> Offer | None:
    hours = _HOURS_OF_TERM.get(item.term or "")
    if hours is None or offer.meter.meter != "provisioned":
        return None
    tier = f"{RESERVATION}_{item.term}".lower().replace(" ", "_")
    return replace(offer, meter=replace(offer.meter, service_tier=tier), price=item.price / hours)
