"""The page about rates says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analytics.ratecard.rate import SOURCES
from analytics.ratecard.rates_file import read_rates_file

if TYPE_CHECKING:
    from analytics.ratecard.rates_file import RatesFile

PAGE = (Path(__file__).parents[3] / "docs" / "rates.md").read_text()


@pytest.fixture
def example(tmp_path: Path) -> RatesFile:
    """The file that the page shows."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "rates.toml"
    path.write_text(text)
    return read_rates_file(path)


def test_the_example_of_a_file_can_be_used(example: RatesFile) -> None:
    """Prices and discounts that are written as the page shows are read."""
    assert {rate.model for rate in example.rates} == {"gpt-4o", "dall-e-3", "whisper", "tts-1", "*"}
    assert {rate.currency for rate in example.rates} == {"EUR", "USD"}
    assert [str(one.percent) for one in example.discounts] == ["12", "17.5"]


def test_the_sources_stand_in_their_order() -> None:
    """Who asks which price wins finds the answer in the page's table."""
    table = PAGE.split("| source |", 1)[1].split("\n\n", 1)[0]
    assert re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE) == list(SOURCES)
