"""Both sides' meters are recognised as the same one, or as different ones."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from analytics.exports.reconcile.meters import (
    PROVISIONED,
    MeterKey,
    align,
    billed_meter,
    is_ai,
    units,
)

KEY = MeterKey("gpt-4o", "input", "global", version="2024-11-20")


@pytest.mark.parametrize(
    ("name", "product", "expected"),
    [
        ("gpt 4o 1120 Inp glbl Tokens", "Azure OpenAI", replace(KEY, version="1120")),
        (
            "5.4 opt Dz 1M Tokens",
            "Azure OpenAI GPT5",
            MeterKey("gpt-5.4", "output", "data_zone"),
        ),
        ("Provisioned Managed Global Unit", "Azure OpenAI", PROVISIONED),
        ("gpt-4o-mini-FT-Hosting", "Azure OpenAI", None),
    ],
)
def test_names_on_the_bill(name: str, product: str, expected: MeterKey | None) -> None:
    """Read by the rate card's own reader."""
    assert billed_meter(name, product) == expected


def test_a_batch_is_a_tier() -> None:
    """As the price list has it."""
    key = billed_meter("gpt 4o 1120 Batch Inp glbl Tokens", "Azure OpenAI")
    assert key is not None
    assert key.service_tier == "batch"
    assert key.label == "gpt-4o 1120 input global batch"


@pytest.mark.parametrize(
    ("text", "meter", "expected"),
    [
        ("1K", "input", 1000), ("1M", "input", 1_000_000), ("1000 Tokens", "input", 1000),
        ("Tokens", "input", 1), ("1 Hour", "second", 3600), ("1/Hour", "provisioned", 1),
        ("1 Hour", "provisioned", 1), ("100", "image", 100), ("1 Second", "second", 1),
        ("", "input", 1), ("1 Million", "input", 1), ("Units", "input", 1),
    ],
)  # fmt: skip
def test_units(text: str, meter: str, expected: int) -> None:
    """How many tokens, seconds or hours of a unit one unit of the bill is."""
    assert units(text, MeterKey("m", meter)) == Decimal(expected)


def test_services() -> None:
    """Models are told from virtual machines."""
    assert is_ai("Foundry Models", "Azure OpenAI")
    assert is_ai("Cognitive Services", "")
    assert not is_ai("Virtual Machines", "Dv3 Series")


def test_versions_fit_in_each_spelling_or_when_one_side_has_none() -> None:
    """The bill says 1120, or nothing; we say 2024-11-20, or do not know."""
    short, bare = replace(KEY, version="1120"), replace(KEY, version="")
    other = replace(KEY, version="0806")
    assert align([KEY], [other, short]) == {KEY: short}
    assert align([KEY], [other, bare]) == {KEY: bare}
    assert align([KEY], [other]) == {KEY: KEY}
    assert align([bare], [short]) == {bare: short}
    assert align([bare], [short, other]) == {bare: bare}


def test_a_part_without_a_meter_is_billed_as_its_whole() -> None:
    """Cached tokens of a model without a cached price are on the input's meter."""
    cached = replace(KEY, meter="cached_input")
    assert align([cached], [KEY]) == {cached: KEY}
    assert align([cached], [KEY, cached]) == {cached: cached}
    assert align([replace(KEY, meter="output")], [KEY]) == {
        replace(KEY, meter="output"): replace(KEY, meter="output")
    }


def test_other_types_and_tiers_are_other_meters() -> None:
    """A data zone's price is not the global one."""
    for other in (replace(KEY, deployment_type="data_zone"), replace(KEY, service_tier="batch")):
        assert align([other], [KEY]) == {other: other}


def test_pictures_fit_by_size_and_quality() -> None:
    """Azure has one meter for both wide sizes."""
    wide = MeterKey("dall-e-3", "image", "regional", image="1792x1024/1024x1792 hd")
    ours = replace(wide, image="1024x1792 hd")
    assert align([ours], [wide]) == {ours: wide}
    square = replace(wide, image="1024x1024 hd")
    assert align([square], [wide]) == {square: square}
