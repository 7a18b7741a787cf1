"""Gaps of the rate card: usage without a price, and what to write where to give it one."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from analytics.ratecard.card import tier_name
from analytics.ratecard.rate import UNITS, Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from decimal import Decimal

    from analytics.ratecard.card import RateCard
    from analytics.store import Store

Place = Literal["rates_file", "settings", "reprice", "nowhere"]
"""Where a gap is mended: `reprice` has a price by now, `nowhere` cannot have one."""
_FIELD: Final[Mapping[str, str]] = {
    "image": "per_image",
    "second": "per_hour",
    "character": "per_million_characters",
}
_QUERY: Final = """
    SELECT unpriced_reason, model, model_version, deployment, deployment_type, region,
        service_tier, meter, currency, sum(requests)::BIGINT, sum(quantity), min(hour), max(hour)
    FROM charges
    WHERE cost IS NULL AND hour >= COALESCE($1::TIMESTAMPTZ, TIMESTAMPTZ '-infinity')
    GROUP BY ALL
    HAVING sum(quantity) <> 0
    ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
"""


@dataclass(frozen=True, slots=True)
class Gap:
    """Usage without a price: what it is, how much, from when to when, and why."""

    reason: str
    model: str | None
    model_version: str | None
    deployment: str | None
    deployment_type: str | None
    region: str | None
    service_tier: str | None
    meter: str
    currency: str | None
    requests: int
    quantity: Decimal
    first_hour: datetime
    last_hour: datetime
    mend_in: Place = "nowhere"


def find_gaps(store: Store, card: RateCard, since: datetime | None = None) -> list[Gap]:
    """The gaps in what was used since some time, each with where it is mended."""
    rows = store.frame(_QUERY, [since]).rows()
    gaps = [Gap(*row) for row in rows]
    return [replace(gap, mend_in=_place(gap, card)) for gap in gaps]


def what_to_write(gaps: Iterable[Gap], place: Place) -> list[str]:
    """The entries that mend the gaps of one place, with a ? where you fill in."""
    entries: dict[str, set[str]] = {}
    for gap in gaps:
        if gap.mend_in == place:
            head = _rates_entry(gap) if place == "rates_file" else _deployment_entry(gap)
            entries.setdefault(head, set()).add(gap.meter)
    return [
        head + _prices(sorted(meters)) if place == "rates_file" else head
        for head, meters in entries.items()
    ]


def _place(gap: Gap, card: RateCard) -> Place:
    if gap.reason == "usage_unknown":
        return "nowhere"
    if _has_price_now(gap, card):
        return "reprice"
    if gap.reason in {"no_model", "version_unknown", "region_unknown"}:
        return "settings"
    # A deployment's name where the model's should be.
    named_after = gap.reason == "unknown_model" and gap.model == (gap.deployment or "").lower()
    return "settings" if named_after else "rates_file"


def _has_price_now(gap: Gap, card: RateCard) -> bool:
    return all(_is_priced(gap, card, at) for at in (gap.first_hour, gap.last_hour))


def _is_priced(gap: Gap, card: RateCard, at: datetime) -> bool:
    question = card.question(
        Use(
            at=at,
            deployment=gap.deployment,
            response_model=gap.model,
            deployment_type=gap.deployment_type,
            region=gap.region,
            service_tier=gap.service_tier,
        )
    )
    if question is None:
        return False
    question = replace(question, version=gap.model_version or question.version)
    _, found = card.find_all(question)
    finding = found.get(gap.meter)  # type: ignore[call-overload] # stored meters are ours
    return finding is not None and finding.rate is not None


def _rates_entry(gap: Gap) -> str:
    tier = tier_name(gap.service_tier)
    said = {
        "model": gap.model,
        "version": gap.model_version,
        "deployment_type": gap.deployment_type,
        "region": gap.region if gap.deployment_type in {"regional", "data_zone"} else None,
        "service_tier": None if tier == "standard" else tier,
        "currency": gap.currency if gap.reason == "mixed_currencies" else None,
    }
    return "[[rates]]\n" + _lines(said)


def _deployment_entry(gap: Gap) -> str:
    """A table with a ? that no TOML reader takes, until it is filled in."""
    if gap.deployment is None:
        return '[backends."HOST"]  # each that has none\nregion = ?  # such as "swedencentral"\n'
    head = f"[deployments.{_text(gap.deployment)}]\n"
    if gap.reason == "version_unknown":
        return head + _lines({"model": gap.model}) + 'version = ?  # such as "2024-11-20"\n'
    if gap.reason == "region_unknown":
        return head + _lines({"model": gap.model}) + 'region = ?  # such as "swedencentral"\n'
    return head + 'model = ?  # such as "gpt-4o"\n'


def _lines(said: Mapping[str, str | None]) -> str:
    return "".join(
        f"{name} = {_text(value)}\n" for name, value in said.items() if value is not None
    )


def _prices(meters: Iterable[str]) -> str:
    """A price to fill in for each meter; the question mark is refused until then."""
    units = {str(meter): unit for meter, unit in UNITS.items()}
    tokens = [f'{meter} = "?"' for meter in meters if units[meter] == "token"]
    lines = [f"per_million_tokens = {{ {', '.join(tokens)} }}\n"] if tokens else []
    lines += [f'{_FIELD[meter]} = "?"\n' for meter in meters if meter in _FIELD]
    return "".join(lines)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
