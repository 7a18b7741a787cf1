"""Your own file: read exactly, refused with the entry's name."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from analytics.errors import RateCardError
from analytics.ratecard.rates_file import read_rates_file

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.ratecard.rate import Rate


def read(path: Path, text: str) -> list[Rate]:
    """The rates of a file with this text."""
    file = path / "rates.toml"
    file.write_text(text)
    return list(read_rates_file(file).rates)


def test_prices_are_exact_and_per_single_unit(tmp_path: Path) -> None:
    """A tenth of a cent in the file is a tenth of a cent in the store."""
    rates = read(
        tmp_path,
        """
        [[rates]]
        model = "gpt-4o-2024-11-20"
        deployment_type = "regional"
        region = "Sweden Central"
        valid_from = 2026-01-01
        valid_to = 2027-01-01
        per_million_tokens = { input = 2.1, output = 8 }
        [[rates]]
        model = "whisper"
        per_hour = 0.3
        [[rates]]
        model = "dall-e-3"
        image_size = "1024x1024"
        per_image = 0.07
        [[rates]]
        model = "tts-1"
        per_million_characters = 14
        """,
    )
    assert [(rate.meter, rate.price) for rate in rates] == [
        ("input", Decimal("0.0000021")),
        ("output", Decimal("0.000008")),
        ("second", Decimal("0.000083333333")),
        ("image", Decimal("0.07")),
        ("character", Decimal("0.000014")),
    ]
    first = rates[0]
    assert (first.model, first.model_version, first.region) == (
        "gpt-4o", "2024-11-20", "swedencentral",
    )  # fmt: skip
    assert first.valid_to == datetime(2027, 1, 1, tzinfo=UTC)
    assert rates[2].deployment_type is None


def test_prices_are_in_the_currency_that_the_file_or_the_entry_names(tmp_path: Path) -> None:
    """A file in euros may hold an entry in dollars; without a word prices are dollars."""
    entries = """
        [[rates]]
        model = "gpt-4o"
        per_million_tokens = { input = 2 }
        [[rates]]
        model = "o3"
        currency = "GBP"
        per_million_tokens = { input = 2 }
        """
    assert [rate.currency for rate in read(tmp_path, entries)] == ["USD", "GBP"]
    euros = read(tmp_path, f"currency = 'EUR'\n{entries}")
    assert [rate.currency for rate in euros] == ["EUR", "GBP"]
    assert euros[0].rate_id != read(tmp_path, entries)[0].rate_id


def test_an_own_price_of_provisioned_capacity(tmp_path: Path) -> None:
    """A negotiated price of a unit by the hour is kept as that."""
    (rate,) = read(
        tmp_path,
        "[[rates]]\nmodel = '*'\ndeployment_type = 'global'\nper_ptu_hour = 0.9\n",
    )
    assert (rate.model, rate.meter, rate.price) == ("*", "provisioned", Decimal("0.9"))


def test_discounts_stand_beside_prices(tmp_path: Path) -> None:
    """One file holds all that was negotiated, percentages to the last digit."""
    file = tmp_path / "rates.toml"
    file.write_text(
        """
        [[discounts]]
        name = "EA 2026"
        percent = 12.55
        model = "gpt-4o*"
        region = "Sweden Central"
        valid_from = 2026-01-01
        """
    )
    (discount,) = read_rates_file(file).discounts
    assert (discount.percent, discount.region) == (Decimal("12.55"), "swedencentral")
    assert discount.label == "EA 2026: 12.55 % off"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[rates]]\nmodel = 'a'\n", r"\[\[rates\]\] number 1: no price"),
        ("[[rates]]\nper_image = 1\n", r"\[\[rates\]\] number 1, model"),
        ("[[rates]]\nmodel = 'a'\nper_image = -1\n", r"\[\[rates\]\] number 1, per_image"),
        ("[[rates]]\nmodel = 'a'\nper_imgae = 1\n", r"\[\[rates\]\] number 1, per_imgae"),
        (
            "[[rates]]\nmodel = 'a'\nper_million_tokens = { inptu = 1 }\n",
            r"\[\[rates\]\] number 1, per_million",
        ),
        (
            "[[rates]]\nmodel = 'a'\nper_image = 1\ncurrency = 'euro'\n",
            r"\[\[rates\]\] number 1, currency",
        ),
        ("currency = '€'", "currency"),
        ("[[discounts]]\nname = 'EA'\npercent = 120\n", r"\[\[discounts\]\] number 1, percent"),
        ("[[discounts]]\npercent = 12\n", r"\[\[discounts\]\] number 1, name"),
        ("rates = 5", "rates"),
        ("[[rates]", "is no TOML"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    """Who made a mistake in the file reads where."""
    with pytest.raises(RateCardError, match=complaint):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The path of a missing file stands in the error."""
    with pytest.raises(RateCardError, match=r"nowhere\.toml cannot be read"):
        read_rates_file(tmp_path / "nowhere.toml")


def test_the_version_is_the_content(tmp_path: Path) -> None:
    """A changed file is noticed, an untouched one is not."""
    file = tmp_path / "rates.toml"
    file.write_text("rates = []")
    first = read_rates_file(file).version
    assert read_rates_file(file).version == first
    file.write_text("rates = []\n")
    assert read_rates_file(file).version != first
