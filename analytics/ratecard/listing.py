"""Rates as tables for people and programs: all of them, and why one of them applies."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import polars as pl

from analytics.ratecard.choose import rank
from analytics.ratecard.models import ANY_MODEL, same_version
from analytics.ratecard.rate import METERS
from analytics.ratecard.regions import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from analytics.ratecard.card import Finding, Question, RateCard
    from analytics.ratecard.rate import Meter, Rate, Source, Use

PRICED_BY: Final[Mapping[str, tuple[int, str]]] = {
    "token": (1_000_000, "1M tokens"),
    "character": (1_000_000, "1M characters"),
    "image": (1, "image"),
    "second": (3600, "hour of audio"),
    "hour": (1, "PTU-hour"),
}
"""By unit: how many of them people name a price for, and what they call that."""
_COLUMNS: Final = (
    "model", "model_version", "deployment_type", "region", "meter", "service_tier",
    "context_tier", "image_size", "image_quality", "price_per", "currency", "per",
    "list_price_per", "valid_from", "valid_to", "provider", "source", "source_version",
    "source_name", "rate_id", "price", "unit", "list_price", "list_rate_id",
)  # fmt: skip
_MONEY: Final = ("price_per", "list_price_per", "price", "list_price")
_PRICE: Final = pl.Decimal(18, 12)
_SAID_BY: Final[Mapping[Source, str]] = {
    "file": "your rates file",
    "azure-retail": "Azure's list as imported",
    "azure-genai-prices": "Azure's list",
    "genai-prices": "OpenAI's list; Azure's has no such model",
}


def rates_frame(rates: Iterable[Rate]) -> pl.DataFrame:
    """One row per rate.

    `price_per` is per what is usual (`per`: a million tokens), `price` per single unit, both in
    `currency`; `list_price_per` and `list_price` are what the list asks where a contract made it
    cheaper.
    """
    rows = [_row(rate) for rate in rates]
    kinds: dict[str, pl.DataType | type[pl.DataType]] = dict.fromkeys(_COLUMNS, pl.String)
    time = pl.Datetime("us", "UTC")
    kinds |= {"valid_from": time, "valid_to": time} | dict.fromkeys(_MONEY, _PRICE)
    return pl.DataFrame(rows, schema=kinds, orient="row").sort(
        "model", "model_version", "meter", "deployment_type", "region", nulls_last=True
    )


def current(rates: Iterable[Rate], at: datetime) -> list[Rate]:
    """The rates that hold at a time."""
    return [
        rate
        for rate in rates
        if rate.valid_from <= at and (rate.valid_to is None or rate.valid_to > at)
    ]


def explain(card: RateCard, use: Use) -> pl.DataFrame:
    """Each meter's rate for a use, or the reason for none, and every rate that was passed over.

    Columns: meter, verdict (applies, unpriced, passed over), why, and those of `rates_frame`; a
    version is spelt as the use spells it.
    """
    question = card.question(use)
    rows: list[dict[str, object]] = []
    if question is not None:
        _, found = card.find_all(question)
        for meter in METERS:
            rows += _verdicts(card, question, meter, found[meter])
    if not any(row["verdict"] != "passed over" for row in rows):
        rows.insert(0, {"meter": "all", "verdict": "unpriced", "why": "unknown_model"})
    known = rates_frame([]).schema
    kinds = {name: known.get(name, pl.String) for name in ("meter", "verdict", "why", *_COLUMNS)}
    return pl.DataFrame(
        [[_known_as(row, question).get(name) for name in kinds] for row in rows],
        schema=kinds,
        orient="row",
    )


def _known_as(row: dict[str, object], question: Question | None) -> dict[str, object]:
    """A row whose version is spelt as it was asked for: Azure's list knows months and days only."""
    asked, listed = question.version if question else None, row.get("model_version")
    if asked is None or not isinstance(listed, str) or not same_version(listed, asked):
        return row
    return {**row, "model_version": asked}


def _verdicts(
    card: RateCard, question: Question, meter: Meter, finding: Finding
) -> Iterator[dict[str, object]]:
    candidates, winner = card.candidates(question, meter), finding.rate
    if winner is not None:
        yield {**_named(winner), "meter": meter, "verdict": "applies", "why": _why(winner, meter)}
    elif any(rate.model != ANY_MODEL for rate, _ in candidates):
        yield {"meter": meter, "verdict": "unpriced", "why": finding.reason}
    for rate, why in candidates:
        if rate != winner:
            lost = why or _lost(rate, winner, question)
            yield {**_named(rate), "verdict": "passed over", "why": lost}


def _why(rate: Rate, meter: Meter) -> str:
    said = _SAID_BY.get(rate.source, rate.source_name or rate.source)
    return said if rate.meter == meter else f"billed as {rate.meter}: {said}"


def _lost(rate: Rate, winner: Rate | None, question: Question) -> str:
    """Why a rate that fits is not the one."""
    place, version = question.region, question.version
    if rate.region and place and rate.region not in {place, zone_of(place)}:
        return f"is for {rate.region}"
    if rate.model_version and version and not same_version(rate.model_version, version):
        return f"is for version {rate.model_version}"
    if winner is None:
        return "others cost differently"
    if rate.currency != winner.currency and rate.price:
        return f"is in {rate.currency}"
    if rank(rate) > rank(winner):
        return f"{winner.source} comes first"
    return "another one fits better"


def _named(rate: Rate) -> dict[str, object]:
    return dict(zip(_COLUMNS, _row(rate), strict=True))


def _row(rate: Rate) -> list[object]:
    units, per = PRICED_BY[rate.unit]
    values = {**asdict(rate), "unit": rate.unit, "per": per}
    for name in ("price", "list_price"):
        price = values[name]
        values[f"{name}_per"] = None if price is None else (price * units).quantize(Decimal("1e-9"))
    return [values[name] for name in _COLUMNS]
