"""The report: what each block cost, what of it was used, and how many PTUs would have been best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from analytics.provisioned.fewer import Choice, best, choices, spread
from analytics.provisioned.table import read_blocks
from analytics.provisioned.traffic import Span, by_minute, first_request, totals
from analytics.ratecard import read_card

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from analytics.provisioned.block import Block
    from analytics.provisioned.fewer import Slice
    from analytics.provisioned.traffic import Totals
    from analytics.ratecard.card import RateCard
    from analytics.store import Store

_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLION: Final = 1_000_000
_CHARGED: Final = """
    SELECT (epoch_us(hour) // 3600000000)::BIGINT AS hour, sum(quantity) AS ptu_hours,
        sum(cost) AS cost, COALESCE(sum(quantity) FILTER (key_id IS NULL AND key_name = 'idle'), 0)
            AS idle_hours,
        COALESCE(sum(cost) FILTER (key_id IS NULL AND key_name = 'idle'), 0) AS idle_cost
    FROM provisioned_hourly
    WHERE rate_id = $1 AND hour >= date_trunc('hour', $2::TIMESTAMPTZ) AND hour < $3::TIMESTAMPTZ
    GROUP BY ALL
"""
Basis = Literal["requests", "hours", "requests and hours"]


@dataclass(frozen=True, slots=True)
class BlockReport:
    """One period of a block in the time asked for. Money is exact; shares are parts of 1."""

    block: str
    model: str
    deployments: tuple[str, ...]
    ptus: int
    since: datetime
    until: datetime
    currency: str
    ptu_hours: Decimal
    cost: Decimal
    idle_cost: Decimal
    idle_share: Decimal | None
    utilization_mean: float | None
    """Of the hours' capacity, by weighted tokens; None when the capacity is not known."""
    utilization_p95: float | None
    measured_mean: float | None
    """Of the hours' peaks, as the backend told them."""
    measured_p95: float | None
    requests: int
    tokens: int
    price_per_million_tokens: Decimal | None
    compared_with: str
    pay_as_you_go: Decimal | None
    """What the same tokens cost by the token; None when no rate has any of them."""
    unpriced_tokens: int
    charged_by_token: Decimal
    choices: tuple[Choice, ...]
    """From all of the PTUs down to none; empty when the capacity is not known."""
    best: Choice | None
    basis: Basis | None
    remarks: tuple[str, ...]


def provisioned(
    store: Store, since: datetime, until: datetime, *, now: datetime
) -> list[BlockReport]:
    """Every block that was there in a time, whole elapsed hours of it; dearest first."""
    first, last = _floor(since), min(_floor(until + _HOUR - timedelta(microseconds=1)), _floor(now))
    cursor = store.cursor()
    try:
        card = read_card(cursor)
    finally:
        cursor.close()
    found = []
    for block in read_blocks(store):
        begins, ends = max(first, _floor(block.valid_from)), min(last, block.valid_to or last)
        if begins < ends:
            found.append(_report(store, card, Span(block, begins, ends)))
    return sorted(found, key=lambda one: (-one.cost, one.block, one.since))


def _report(store: Store, card: RateCard, span: Span) -> BlockReport:
    block = span.block
    begins = max(span.since, block.valid_from)
    charged = store.frame(_CHARGED, [f"provisioned:{block.block}", begins, span.until])
    rows = list(charged.iter_rows(named=True))
    cost, idle, ptu_hours = (_total(rows, name) for name in ("cost", "idle_cost", "ptu_hours"))
    through = totals(store, card, span)
    known = block.input_tokens_per_minute_per_ptu is not None
    made, basis = _choices(store, card, span, cost, through) if known else ([], None)
    parts = [float(1 - row["idle_hours"] / row["ptu_hours"]) for row in rows]
    priced = through.tokens > through.price.unpriced_tokens
    return BlockReport(
        block=block.block,
        model=block.model,
        deployments=block.deployments,
        ptus=block.ptus,
        since=begins,
        until=span.until,
        currency=block.currency,
        ptu_hours=ptu_hours,
        cost=cost,
        idle_cost=idle,
        idle_share=(idle / cost).quantize(Decimal("1e-6")) if cost else None,
        utilization_mean=_mean(parts) if known else None,
        utilization_p95=_p95(parts) if known else None,
        measured_mean=_mean([peak / 100 for peak in through.peaks]),
        measured_p95=_p95([peak / 100 for peak in through.peaks]),
        requests=round(through.requests),
        tokens=round(through.tokens),
        price_per_million_tokens=_per_million(cost, through.tokens),
        compared_with=block.compared_with,
        pay_as_you_go=through.price.cost.quantize(Decimal("1e-12")) if priced else None,
        unpriced_tokens=round(through.price.unpriced_tokens),
        charged_by_token=through.charged_by_token,
        choices=tuple(made),
        best=best(made) if made else None,
        basis=basis,
        remarks=tuple(_remarks(block, through, basis)),
    )


def _choices(
    store: Store, card: RateCard, span: Span, cost: Decimal, through: Totals
) -> tuple[list[Choice], Basis]:
    """The choices, and what they are from: the hours before the first stored request have sums."""
    stored_since = first_request(store)
    turn = span.until if stored_since is None else max(_ceil(stored_since), span.since)
    if stored_since is not None and _earlier(through, _floor(stored_since)) == 0:
        turn = span.since  # nothing was there before the first request that is stored
    slices: list[Slice] = []
    number = (turn - _EPOCH) // _HOUR
    before = [one for hour, one in through.hours.items() if hour < number]
    for one in before:
        slices += spread(one, span.block.ptus)
    after = list(by_minute(store, card, span, turn)) if turn < span.until else []
    made = choices(span.block, cost, [*slices, *after])
    if before and after:
        return made, "requests and hours"
    return made, "hours" if before else "requests"


def _earlier(through: Totals, first: datetime) -> Decimal:
    number = (first - _EPOCH) // _HOUR
    return sum((one.tokens for hour, one in through.hours.items() if hour < number), Decimal(0))


def _remarks(block: Block, through: Totals, basis: Basis | None) -> Iterator[str]:
    if through.charged_by_token:
        yield (
            f"its tokens were charged a second time, {through.charged_by_token.normalize():f} by "
            "the token: their deployment_type is not ptu, see docs/provisioned.md"
        )
    if basis is None:
        yield (
            f"nobody told what a PTU of {block.model} carries: give "
            "input_tokens_per_minute_per_ptu and output_weight to know what fewer would have meant"
        )
        return
    yield (
        f"a PTU carries {block.input_tokens_per_minute_per_ptu:,} input tokens a minute; an output "
        f"token counts as {block.output_weight.normalize():f}, a cached one as 0"
    )
    if basis != "hours":
        yield (
            "fewer PTUs: requests fill the minute they began in, in order; what no longer fits "
            "would have paid by the token, or waited"
        )
    if basis != "requests":
        yield (
            "requests are no longer stored for all of this time: there, hours are taken as even, "
            "so fewer PTUs look better than they were"
        )
    if through.price.unpriced_tokens:
        yield f"{round(through.price.unpriced_tokens):,} tokens have no pay-as-you-go price"


def _total(rows: Sequence[Mapping[str, Any]], name: str) -> Decimal:
    return sum((row[name] for row in rows), Decimal(0))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _p95(values: Sequence[float]) -> float | None:
    """The smallest value that 95 % of the hours do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1] if values else None


def _per_million(cost: Decimal, tokens: Decimal) -> Decimal | None:
    if tokens <= 0:
        return None
    return (cost * _MILLION / tokens).quantize(Decimal("1e-6"), ROUND_HALF_EVEN)


def _floor(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _ceil(at: datetime) -> datetime:
    return _floor(at + _HOUR - timedelta(microseconds=1))
