"""What we metered in the days of a bill, in the words that a bill can be compared in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from analytics.exports.reconcile.meters import PROVISIONED, MeterKey
from analytics.ratecard.card import tier_name
from analytics.ratecard.rate import BATCHES

if TYPE_CHECKING:
    from decimal import Decimal

    from analytics.store import Store


@dataclass(frozen=True, slots=True)
class MeteredLine:
    """A day of a meter of a backend: quantities in single units, money in the charges' currency."""

    day: date
    backend: str
    key: MeterKey
    currency: str | None
    rate_id: str | None
    price: Decimal | None
    quantity: Decimal
    cost: Decimal | None
    estimated_quantity: Decimal


def read_metered(store: Store, first: date, last: date) -> list[MeteredLine]:
    """The charges of the UTC days from `first` to `last`, both included."""
    since = datetime.combine(first, time(), UTC)
    until = datetime.combine(last, time(), UTC) + timedelta(days=1)
    with store.reading() as cursor:
        frame = cursor.execute(_TEXT, {"since": since, "until": until}).pl()
    return [_line(row) for row in frame.iter_rows(named=True)]


def currencies(lines: list[MeteredLine]) -> list[str]:
    """The currencies of the priced lines, the one with most lines first."""
    priced = [line.currency for line in lines if line.cost is not None and line.currency]
    return sorted(set(priced), key=lambda name: (-priced.count(name), name))


def _line(row: dict[str, Any]) -> MeteredLine:
    return MeteredLine(
        day=row["day"],
        backend=row["backend"] or "",
        key=_key(row),
        currency=row["currency"],
        rate_id=row["rate_id"],
        price=row["price"],
        quantity=row["quantity"],
        cost=row["cost"],
        estimated_quantity=row["estimated_quantity"],
    )


def _key(row: dict[str, Any]) -> MeterKey:
    """What the charge is billed on: its rate says it better than the request does."""
    if row["meter"] == "provisioned":
        return PROVISIONED
    model = row["rate_model"] if row["rate_model"] not in {None, "*"} else row["model"]
    kind = row["rate_type"] or row["deployment_type"] or ""
    tier = tier_name(row["rate_tier"] or row["service_tier"])
    if kind in BATCHES:
        kind, tier = BATCHES[kind], "batch"
    image = [row["image_size"], row["image_quality"]] if row["image_size"] else []
    return MeterKey(
        model=model or "unknown model",
        meter=row["rate_meter"] or row["meter"],
        deployment_type=kind,
        service_tier=tier,
        context_tier=row["context_tier"] or "standard",
        image=" ".join(part for part in image if part),
        version=row["rate_version"] or row["model_version"] or "",
    )


# Tokens through provisioned throughput cost nothing by themselves and are on no bill.
_TEXT: Final = """
    SELECT (c.hour AT TIME ZONE 'UTC')::DATE AS day, c.backend, c.model, c.model_version,
        c.deployment_type, c.service_tier, c.meter, c.rate_id, c.currency,
        r.model AS rate_model, r.model_version AS rate_version, r.deployment_type AS rate_type,
        r.service_tier AS rate_tier, r.context_tier, r.image_size, r.image_quality,
        r.meter AS rate_meter, r.price,
        sum(c.quantity) AS quantity, sum(c.cost) AS cost,
        COALESCE(sum(c.quantity) FILTER (c.usage_source = 'estimated'), 0) AS estimated_quantity
    FROM charges AS c
    LEFT JOIN (
        SELECT rate_id, any_value(model) AS model, any_value(model_version) AS model_version,
            any_value(deployment_type) AS deployment_type, any_value(meter) AS meter,
            any_value(service_tier) AS service_tier, any_value(context_tier) AS context_tier,
            any_value(image_size) AS image_size, any_value(image_quality) AS image_quality,
            any_value(price) AS price
        FROM rates GROUP BY rate_id
    ) AS r ON r.rate_id = c.rate_id
    WHERE c.hour >= $since AND c.hour < $until AND c.meter <> 'unknown'
      AND NOT (c.deployment_type = 'ptu' AND c.meter <> 'provisioned'
               AND COALESCE(c.cost, 0) = 0)
    GROUP BY ALL
    HAVING sum(c.quantity) <> 0
    ORDER BY ALL
"""
