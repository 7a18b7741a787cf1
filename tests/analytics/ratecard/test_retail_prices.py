"""Rates of the price API's answers: units, places, reservations, and what is left out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from analytics.ratecard.price_files import Item, SavedAnswers
from analytics.ratecard.retail_prices import PriceList, read_price_list
from tests.analytics.ratecard.made_answers import item

if TYPE_CHECKING:
    from analytics.ratecard.rate import Rate

PTU = "Provisioned Managed Regional Unit"


def read(*items: dict[str, Any]) -> PriceList:
    """The list of an answer with these items."""
    read_items = tuple(Item.model_validate(one) for one in items)
    return read_price_list(SavedAnswers(read_items, "v1", complete=True))


def one_rate(*items: dict[str, Any]) -> Rate:
    """The only rate of an answer."""
    (rate,) = read(*items).rates
    return rate


@pytest.mark.parametrize(
    ("price", "unit"), [(0.0004, "1K"), (0.4, "1M"), (0.04, "100K"), (0.0000004, "1")]
)
def test_a_unit_of_measure_is_never_a_thousand_times_off(price: float, unit: str) -> None:
    """However Azure counts tokens, gpt-4.1-mini costs 40 cents per million."""
    rate = one_rate(item(price, unitOfMeasure=unit))
    assert (rate.model, rate.meter, rate.deployment_type) == ("gpt-4.1-mini", "input", "global")
    assert rate.price * 1_000_000 == Decimal("0.40")
    assert (rate.source, rate.source_version) == ("azure-retail", "v1")
    assert rate.valid_from == datetime(2025, 4, 1, tzinfo=UTC)


def test_rates_are_in_the_answers_currency() -> None:
    """Euros are stored as euros, and each currency of a mixed list as itself."""
    assert one_rate(item(0.00034, currencyCode="EUR")).currency == "EUR"
    both = read(item(0.00034, currencyCode="EUR"), item(0.06, currencyCode="JPY"))
    assert [(rate.currency, rate.price * 1_000_000) for rate in both.rates] == [
        ("EUR", Decimal("0.34")),
        ("JPY", Decimal(60)),
    ]
    assert both.currencies == ("EUR", "JPY")


def test_an_answer_for_one_region_prices_that_region() -> None:
    """A filtered answer does not tell what other regions cost; a global price is one price."""
    regional = item(0.0005, "gpt 4.1 mini Inp regnl Tokens")
    zone = item(0.00044, "gpt 4.1 mini Inp Data Zone Tokens")
    places = {
        rate.deployment_type: rate.region for rate in read(item(0.0004), regional, zone).rates
    }
    assert places == {"global": None, "regional": "swedencentral", "data_zone": "eu"}


def test_a_whole_answer_is_put_together_as_the_installed_list_is() -> None:
    """Asked for without a region, equal prices are one rate for everywhere."""
    name = "gpt 4.1 mini Inp regnl Tokens"
    regions = ("swedencentral", "westeurope", "eastus", "japaneast")
    rates = read(*(item(0.0005, name, armRegionName=region) for region in regions)).rates
    assert [rate.region for rate in rates] == [None]


def test_provisioned_capacity_has_its_price_by_the_hour() -> None:
    """A unit of provisioned throughput costs what the list says for an hour, for any model."""
    rate = one_rate(item(2.2, PTU, unitOfMeasure="1/Hour"))
    assert (rate.model, rate.meter, rate.unit) == ("*", "provisioned", "hour")
    assert (rate.price, rate.deployment_type, rate.region) == (
        Decimal("2.2"), "regional", "swedencentral",
    )  # fmt: skip
    assert read(item(312, "Provisioned Throughput Units", unitOfMeasure="1/Month")).rates == ()


def test_a_reservations_price_is_for_its_whole_term() -> None:
    """The list says `1/Hour` of what is paid for a year; by the hour it is a small part of that."""
    reserved = item(
        2628.0, PTU, unitOfMeasure="1/Hour", type="Reservation", reservationTerm="1 Year",
        productName="Azure AI Foundry Provisioned Throughput Reservation",
    )  # fmt: skip
    rate = one_rate(reserved)
    assert (rate.price, rate.service_tier) == (Decimal("0.3"), "reservation_1_year")
    both = read(item(2.2, PTU, unitOfMeasure="1/Hour"), reserved).rates
    assert {one.service_tier for one in both} == {"standard", "reservation_1_year"}


@pytest.mark.parametrize(
    "fields",
    [
        {"tierMinimumUnits": 1000},
        {"type": "DevTestConsumption"},
        {"retailPrice": 0},
        {"unitOfMeasure": "1/Month"},
        {"type": "Reservation", "reservationTerm": "1 Year"},
        {"meterName": "gpt-4.1-mini FT Training regional Tokens"},
        {"productName": "Virtual Machines", "meterName": "D2s v5"},
    ],
)
def test_what_is_no_price_of_a_request_is_left_out_and_counted(fields: dict[str, Any]) -> None:
    """Volume tiers, test prices, training and other products price no request."""
    found = read(item(0.0004, armRegionName="eastus") | fields, item(0.0016))
    assert len(found.rates) == 1
    assert (found.items, found.items_left_out) == (2, 1)


def test_meters_without_usage_of_ours_are_counted() -> None:
    """The summary says how much of the list was not for us, once for each meter."""
    training = item(1, "gpt-4.1-mini FT Training regional Tokens")
    found = read(item(0.0004), training, {**training, "armRegionName": "eastus"})
    assert (found.meters, found.meters_of_no_usage, found.regions) == (2, 1, 2)


def test_a_regions_primary_meter_is_the_one_that_counts() -> None:
    """A meter that stands twice for a region is billed at the primary one's price."""
    doubled = [item(0.0004), item(0.0009, isPrimaryMeterRegion=False)]
    for order in (doubled, doubled[::-1]):
        assert one_rate(*order).price * 1_000_000 == Decimal("0.40")


def test_prices_that_no_decimal_ends_are_kept_to_the_stores_last_digit() -> None:
    """An hour's price of audio in another currency is cut to what the store can keep."""
    whisper = item(0.331, "Speech-to-Text-Batch-Whisper-glbl Unit", unitOfMeasure="1 Hour")
    assert one_rate(whisper).price == Decimal("0.000091944444")
