"""Rates as tables for people and programs: all of them, and why one of them applies."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import polars as pl

from analytics.ratecard.card import ANY_MODEL
from analytics.ratecard.rate import METERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from analytics.ratecard.card import RateCard
    from analytics.ratecard.rate import Rate, Use

_PRICED_BY: Final[Mapping[str, tuple[int, str]]] = {
    "token": (1_000_000, "1M tokens"),
    "character": (1_000_000, "1M characters"),
    "image": (1, "image"),
    "second": (3600, "hour"),
}
_COLUMNS: Final = (
    "model", "model_version", "deployment_type", "region", "meter", "service_tier",
    "context_tier", "image_size", "image_quality", "usd", "per", "valid_from", "valid_to",
    "provider", "source", "source_version", "source_name", "rate_id", "price", "unit",
)  # fmt: skip
_PRICE: Final = pl.Decimal(18, 12)


def rates_frame(rates: Iterable[Rate]) -> pl.DataFrame:
    """One row per rate: `usd` per what is usual (a million tokens), `price` per single unit."""
    rows = [_row(rate) for rate in rates]
    kinds: dict[str, pl.DataType | type[pl.DataType]] = dict.fromkeys(_COLUMNS, pl.String)
    time = pl.Datetime("us", "UTC")
    kinds |= {"usd": _PRICE, "price": _PRICE, "valid_from": time, "valid_to": time}
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

    Columns: meter, verdict (applies, unpriced, passed over), why, and those of `rates_frame`.
    """
    question = card.question(use)
    rows: list[dict[str, object]] = []
    for meter in METERS:
        if question is None:
            break
        candidates, finding = card.candidates(question, meter), card.find(question, meter)
        if finding.rate is not None:
            why = "" if finding.rate.meter == meter else f"billed as {finding.rate.meter}"
            rows.append({**_named(finding.rate), "meter": meter, "verdict": "applies", "why": why})
        elif any(rate.model != ANY_MODEL for rate, _ in candidates):
            rows.append({"meter": meter, "verdict": "unpriced", "why": finding.reason})
        rows += [
            {**_named(rate), "verdict": "passed over", "why": why or "another one fits better"}
            for rate, why in candidates
            if rate != finding.rate
        ]
    if not any(row["verdict"] != "passed over" for row in rows):
        rows.insert(0, {"meter": "all", "verdict": "unpriced", "why": "unknown_model"})
    known = rates_frame([]).schema
    kinds = {name: known.get(name, pl.String) for name in ("meter", "verdict", "why", *_COLUMNS)}
    return pl.DataFrame(
        [[row.get(name) for name in kinds] for row in rows], schema=kinds, orient="row"
    )


def _named(rate: Rate) -> dict[str, object]:
    return dict(zip(_COLUMNS, _row(rate), strict=True))


def _row(rate: Rate) -> list[object]:
    units, per = _PRICED_BY[rate.unit]
    values = {**asdict(rate), "unit": rate.unit, "per": per}
    values["usd"] = (rate.price * units).quantize(Decimal("1e-9"))
    return [values[name] for name in _COLUMNS]
