"""What went through a block in a time: by request while the requests are stored, else by hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from analytics.load.price import LONG_CONTEXT_TOKENS
from analytics.load.usage import quantities
from analytics.provisioned.fewer import Hour, Slice
from analytics.provisioned.pay_as_you_go import Price, Tokens, price_by_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analytics.provisioned.block import Block
    from analytics.ratecard.card import RateCard
    from analytics.ratecard.rate import Meter
    from analytics.store import Store

_INPUT: Final[tuple[Meter, ...]] = ("input", "cache_write", "audio_input", "image_input")
_OUTPUT: Final[tuple[Meter, ...]] = ("output", "audio_output", "image_output")
_METERS: Final[tuple[Meter, ...]] = (*_INPUT, "cached_input", *_OUTPUT)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """A block, and the part of its time that is looked at. Half open; aware, whole hours."""

    block: Block
    since: datetime
    until: datetime

    @property
    def parameters(self) -> dict[str, object]:
        """As named parameters of the questions below."""
        return {
            "since": max(self.since, self.block.valid_from),
            "until": min(self.until, self.block.valid_to or self.until),
            "deployments": list(self.block.deployments),
            "backend": self.block.backend,
            "block": self.block.block,
            "valid_from": self.block.valid_from,
        }


# The PTUs of all blocks that carry what `{deployment}` of `{backend}` served at `{at}`.
_ALL_PTUS: Final = """
    (SELECT sum(o.ptus) FROM provisioned_blocks AS o
     WHERE list_contains(o.deployments, {deployment})
       AND (o.backend IS NULL OR o.backend = {backend})
       AND {at} >= {begins} AND ({at} < o.valid_to OR o.valid_to IS NULL))
"""
_HOURS: Final = f"""
    SELECT (epoch_us(hour) // 3600000000)::BIGINT AS hour, model, model_version, region,
        service_tier, COALESCE(context_tier = 'long', FALSE) AS long_context, meter,
        {
    _ALL_PTUS.format(
        deployment="c.deployment",
        backend="c.backend",
        at="c.hour",
        begins="date_trunc('hour', o.valid_from)",
    )
}::BIGINT AS all_ptus,
        sum(quantity)::DECIMAL(38, 6) AS quantity, sum(cost)::DECIMAL(38, 18) AS cost
    FROM charges_hourly AS c
    WHERE list_contains($deployments, deployment) AND ($backend IS NULL OR backend = $backend)
      AND hour >= date_trunc('hour', $since::TIMESTAMPTZ) AND hour < $until::TIMESTAMPTZ
    GROUP BY ALL
"""  # noqa: S608 - our own texts
_REQUESTS: Final = f"""
    SELECT (epoch_us(hour) // 3600000000)::BIGINT AS hour,
        {
    _ALL_PTUS.format(
        deployment="t.deployment",
        backend="t.backend",
        at="t.hour",
        begins="date_trunc('hour', o.valid_from)",
    )
}::BIGINT AS all_ptus,
        COALESCE(sum(requests), 0)::BIGINT AS requests, max(max_utilization) AS peak
    FROM traffic_hourly AS t
    WHERE list_contains($deployments, deployment) AND ($backend IS NULL OR backend = $backend)
      AND hour >= date_trunc('hour', $since::TIMESTAMPTZ) AND hour < $until::TIMESTAMPTZ
    GROUP BY ALL
"""  # noqa: S608 - our own texts
_BY_MINUTE: Final = f"""
    WITH measured AS (
        SELECT event_id, started_at, model, model_version, region, service_tier,
            COALESCE(input_tokens > {LONG_CONTEXT_TOKENS}, FALSE) AS long_context,
            {
    _ALL_PTUS.format(
        deployment="e.billed_deployment",
        backend="e.backend",
        at="e.started_at",
        begins="o.valid_from",
    )
}::BIGINT AS all_ptus,
            {quantities(_METERS)}
        FROM events AS e
        WHERE list_contains($deployments, billed_deployment)
          AND ($backend IS NULL OR backend = $backend) AND billed
          AND started_at >= $first::TIMESTAMPTZ AND started_at < $until::TIMESTAMPTZ
    ), piled AS (
        SELECT *, {" + ".join(f"n_{meter}" for meter in _METERS)} AS tokens,
            sum(1000 * ({" + ".join(f"n_{meter}" for meter in _INPUT)})::HUGEINT
                + $output_milli * ({" + ".join(f"n_{meter}" for meter in _OUTPUT)})::HUGEINT)
            OVER (PARTITION BY epoch_us(started_at) // 60000000 ORDER BY started_at, event_id
                  ROWS UNBOUNDED PRECEDING) AS pile
        FROM measured
    )
    SELECT (GREATEST((pile + $one_milli - 1) // $one_milli, 1) - (all_ptus - $ptus))::BIGINT
            AS needs,
        (epoch_us(started_at) // 86400000000)::BIGINT AS day, model, model_version, region,
        service_tier, long_context, count(*) AS requests, sum(tokens)::DECIMAL(38, 0) AS tokens,
        {", ".join(f"sum(n_{meter})::DECIMAL(38, 0) AS {meter}" for meter in _METERS)}
    FROM piled GROUP BY ALL
"""  # noqa: S608 - our own texts


@dataclass(frozen=True, slots=True)
class Totals:
    """What went through a block, its share where others carry the same deployments."""

    hours: Mapping[int, Hour]
    """By the number of the hour since 1970."""
    requests: Decimal
    tokens: Decimal
    price: Price
    charged_by_token: Decimal
    """What rates charged for the same tokens: not 0 means that they are paid twice."""
    peaks: tuple[float, ...]
    """The largest utilization that the backend told in each hour, in percent."""


def totals(store: Store, card: RateCard, span: Span) -> Totals:
    """The sums of a span, from the rollups, which outlive the requests."""
    block = span.block
    requests: dict[int, Decimal] = {}
    peaks: dict[int, float] = {}
    for row in store.ask(_REQUESTS, span.parameters).iter_rows(named=True):
        share = Decimal(block.ptus) / row["all_ptus"]
        hour = row["hour"]
        requests[hour] = requests.get(hour, Decimal(0)) + row["requests"] * share
        if row["peak"] is not None:
            peaks[hour] = max(row["peak"], peaks.get(hour, 0.0))
    hours: dict[int, Hour] = {}
    twice = Decimal(0)
    for row in store.ask(_HOURS, span.parameters).iter_rows(named=True):
        twice += row["cost"] or 0
        if row["meter"] in _METERS:
            _add(hours, card, block, row)
    made = {
        hour: Hour(
            one.weight, requests.get(hour, Decimal(0)), one.tokens, one.price, one.capacity_of_one
        )
        for hour, one in hours.items()
    }
    price = sum((one.price for one in made.values()), Price())
    tokens = sum((one.tokens for one in made.values()), Decimal(0))
    asked = sum(requests.values(), Decimal(0))
    return Totals(made, asked, tokens, price, twice, tuple(peaks.values()))


def by_minute(store: Store, card: RateCard, span: Span, first: datetime) -> Iterator[Slice]:
    """What needed how many PTUs, minute by minute, of the requests from `first` on."""
    block = span.block
    assert block.input_tokens_per_minute_per_ptu is not None  # noqa: S101 - asked before
    more = {
        "first": max(first, span.since, block.valid_from),
        "output_milli": int(block.output_weight * 1000),
        "one_milli": block.input_tokens_per_minute_per_ptu * 1000,
        "ptus": block.ptus,
    }
    for row in store.ask(_BY_MINUTE, span.parameters | more).iter_rows(named=True):
        tokens = Tokens(
            day=_EPOCH + timedelta(days=row["day"]),
            by_meter={meter: row[meter] for meter in _METERS if row[meter]},
            **_place(row),
        )
        yield Slice(
            row["needs"],
            Decimal(row["requests"]),
            row["tokens"],
            price_by_token(card, block, tokens),
        )


def first_request(store: Store) -> datetime | None:
    """Since when the requests themselves are stored."""
    at: datetime | None = store.frame("SELECT min(started_at) FROM events").item()
    return at


def _add(hours: dict[int, Hour], card: RateCard, block: Block, row: Mapping[str, Any]) -> None:
    quantity = row["quantity"] * block.ptus / row["all_ptus"]
    tokens = Tokens(
        day=_EPOCH + timedelta(days=row["hour"] // 24),
        by_meter={row["meter"]: quantity},
        **_place(row),
    )
    weight = Decimal(0)
    if row["meter"] != "cached_input":
        weight = quantity * (block.output_weight if row["meter"] in _OUTPUT else 1)
    before = hours.get(row["hour"])
    if before is None:
        one = Decimal((block.input_tokens_per_minute_per_ptu or 0) * 60)
        before = Hour(Decimal(0), Decimal(0), Decimal(0), Price(), one)
    hours[row["hour"]] = Hour(
        before.weight + weight,
        Decimal(0),
        before.tokens + quantity,
        before.price + price_by_token(card, block, tokens),
        before.capacity_of_one,
    )


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("model", "model_version", "region", "service_tier", "long_context")
    return {name: row[name] for name in names}
