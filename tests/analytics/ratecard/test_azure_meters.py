"""Azure's meter names, of every generation and product."""

from __future__ import annotations

import json
from decimal import Decimal
from importlib import resources

import pytest

from analytics.ratecard.azure_meters import MeterName, read_meter_name, units_per_price
from analytics.ratecard.rate import Meter

OPENAI = "Azure OpenAI"
LARGE = ("1792x1024", "1024x1792")


@pytest.mark.parametrize(
    ("name", "meter"),
    [
        ("gpt 4.1 mini Inp glbl Tokens", MeterName("gpt-4.1-mini", None, "input", "global")),
        ("gpt 4o 1120 cached Inp Data Zone Tokens",
         MeterName("gpt-4o", "1120", "cached_input", "data_zone")),
        ("gpt-4o-mini-0718-Outp-regnl Tokens",
         MeterName("gpt-4o-mini", "0718", "output", "regional")),
        ("gpt 4o mini0718 BatchOutp DataZone Tokens",
         MeterName("gpt-4o-mini", "0718", "output", "data_zone", "batch")),
        ("4.1 pp cd inp Gl Tokens",
         MeterName("gpt-4.1", None, "cached_input", "global", "priority")),
        ("5.6 luna LongCo Cd Wr Std DZ 1M Tokens",
         MeterName("gpt-5.6-luna", None, "cache_write", "data_zone", "standard", "long")),
        ("text-embedding-3-large-glbl Tokens",
         MeterName("text-embedding-3-large", None, "input", "global")),
        ("embedding-ada-regional Tokens",
         MeterName("text-embedding-ada-002", None, "input", "regional")),
        ("gpt-35-turbo16K-0125 Inp-glbl Tokens",
         MeterName("gpt-3.5-turbo", "0125", "input", "global")),
        ("gpt-35-turbo16K-Inp-glbl Tokens",
         MeterName("gpt-3.5-turbo-16k", None, "input", "global")),
        ("gpt-oss-120B Inp glbl Tokens", MeterName("gpt-oss-120b", None, "input", "global")),
        ("Image-DALL-E-2-glbl Images", MeterName("dall-e-2", None, "image", "global")),
        ("Image-Dall-E-3 HD HighRes-regnl EP Images",
         MeterName("dall-e-3", None, "image", "regional", image_sizes=LARGE, image_quality="hd")),
        ("Speech-to-Text-Batch-Whisper-glbl Unit",
         MeterName("whisper", None, "second", "global")),
        ("Speech-Text to Speech HD-global Characters",
         MeterName("tts-1-hd", None, "character", "global")),
        ("gpt-image-1-inp-img-dzone Tokens",
         MeterName("gpt-image-1", None, "image_input", "data_zone")),
        ("gpt img 1.5 out img gl 1M Tokens",
         MeterName("gpt-image-1.5", None, "image_output", "global")),
        ("Image 2 txt cd inp Gl 1M Tokens",
         MeterName("gpt-image-2", None, "cached_input", "global")),
        ("gpt-4o-aud-1217 Outp regnl Tokens",
         MeterName("gpt-4o-audio-preview", "1217", "audio_output", "regional")),
        ("gpt-4o-aud-1217-txt Inp DZone Tokens",
         MeterName("gpt-4o-audio-preview", "1217", "input", "data_zone")),
        ("gpt4omini-aud1217 Inp glbl Tokens",
         MeterName("gpt-4o-mini-audio-preview", "1217", "audio_input", "global")),
        ("gpt-4o-mini-transcribe-aud-inp-glbl Tokens",
         MeterName("gpt-4o-mini-transcribe", None, "audio_input", "global")),
        ("gpt4o mn trscb txt out gl 1215 1M Tokens",
         MeterName("gpt-4o-mini-transcribe", "1215", "output", "global")),
        ("gpt-4o-mini-tts-aud-out-glbl Tokens",
         MeterName("gpt-4o-mini-tts", None, "audio_output", "global")),
        ("Provisioned Managed Data Zone Unit",
         MeterName("*", None, "provisioned", "data_zone")),
    ],
)  # fmt: skip
def test_names_are_read(name: str, meter: MeterName) -> None:
    """Every way in which Azure names a meter is understood."""
    assert read_meter_name(name, OPENAI) == meter


@pytest.mark.parametrize(
    "name",
    [
        "Provisioned Throughput - Overage Unit",
        "gpt-4.1-ft hosting global Unit",
        "gpt-4o-0806-FT-inp-glbl Tokens",
        "4.1 ft opt Dz Tokens",
        "gpt 4o dev ft inpt glbl Tokens",
        "Sora 2 glbl Second",
        "gpt-realtime-2 Text inp Gl 1M Tokens",
        "Assistants-File Search-glbl GB",
        "gpt-4o-ft model grader input Tokens",
        "gpt img 1.5 in cd img gl 1M Tokens",
    ],
)
def test_what_no_request_uses_is_left_out(name: str) -> None:
    """Training, hosting, video and the like are no part of a request's price."""
    assert read_meter_name(name, OPENAI) is None


@pytest.mark.parametrize(
    ("unit", "meter", "count"),
    [
        ("1K", "input", 1000),
        ("1M", "output", 1_000_000),
        ("1M Tokens", "input", 1_000_000),
        ("100", "image", 100),
        ("1", "image", 1),
        ("1 Hour", "second", 3600),
        ("1/Hour", "second", 3600),
        ("1 Second", "second", 1),
        ("1/Hour", "provisioned", 1),
    ],
)
def test_units_are_brought_to_single_ones(unit: str, meter: Meter, count: int) -> None:
    """A price per thousand is not a thousand times too high, nor one per million too low."""
    assert units_per_price(unit, meter) == Decimal(count)


@pytest.mark.parametrize(
    ("unit", "meter"), [("1/Month", "provisioned"), ("1 Hour", "input"), ("1K", "second")]
)
def test_a_unit_that_does_not_fit_its_meter_is_no_price(unit: str, meter: Meter) -> None:
    """What is sold by the month is not taken for a price by the hour."""
    assert units_per_price(unit, meter) is None


def test_no_two_meters_of_the_list_read_alike() -> None:
    """Two meters that were taken for one would hide each other's price."""
    text = resources.files("azure_genai_prices.data").joinpath("snapshot.json").read_text("utf-8")
    names: dict[MeterName, set[str]] = {}
    for item in json.loads(text)["items"]:
        meter = read_meter_name(item["meterName"], item["productName"])
        if meter is not None:
            names.setdefault(meter, set()).add(item["meterName"])
    assert len(names) > 900
    assert {meter: same for meter, same in names.items() if len(same) > 1} == {}
