"""Blocks from the settings into the store, and what becomes of those taken out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from analytics.errors import RateCardError
from analytics.provisioned import end_of_term, refuse_token_prices, seed_blocks
from analytics.provisioned.table import read_blocks
from analytics.ratecard import Rate, RateCard
from analytics.ratecard.builtin import builtin_rates
from analytics.store import Store
from tests.analytics.provisioned.made_blocks import START, block
from tests.analytics.samples import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

LONG = datetime(2027, 5, 1, tzinfo=UTC)


def test_blocks_are_kept_changed_ended_and_taken_back(tmp_path: Path) -> None:
    """A change counts from the block's first day, what is taken out ends now, silence ends none."""
    clock = FakeClock()
    chat = block()
    mini = block(block="mini", reservation_price=Decimal("260.5"), reservation_months=1)
    with Store.open(str(tmp_path)) as store:
        assert seed_blocks(store, clock, [chat, mini]) == 2
        assert read_blocks(store) == [chat, mini]
        assert seed_blocks(store, clock, [mini, chat]) == 0

        assert seed_blocks(store, clock, [replace(chat, ptus=20), mini]) == 1
        assert read_blocks(store)[0].ptus == 20

        assert seed_blocks(store, clock, [chat]) == 2
        # the month that is paid for goes on to its end
        assert read_blocks(store)[1].valid_to == datetime(2026, 12, 5, tzinfo=UTC)
        assert seed_blocks(store, clock, [mini]) == 2
        assert read_blocks(store) == [replace(chat, valid_to=clock.now()), mini]

        assert seed_blocks(store, clock, []) == 0
        assert len(read_blocks(store)) == 2

        void = replace(chat, valid_to=START)
        assert seed_blocks(store, clock, [void, mini]) == 1
        hours = store.frame("SELECT count(*) FROM provisioned_hourly WHERE rate_id LIKE '%chat'")
        assert hours.item() == 0


@pytest.mark.parametrize(
    ("anchor", "months", "at", "end"),
    [
        ("2026-01-31", 1, "2026-02-10", "2026-02-28"),
        ("2026-01-31", 1, "2026-03-01", "2026-03-31"),
        ("2026-01-31", 1, "2026-02-28", "2026-02-28"),
        ("2024-02-29", 12, "2024-03-01", "2025-02-28"),
        ("2026-12-15", 1, "2026-12-16", "2027-01-15"),
    ],
)
def test_terms_follow_the_calendar(anchor: str, months: int, at: str, end: str) -> None:
    """Shorter months end a term on their last day, and do not shift those after."""
    days = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (anchor, at, end)]
    assert end_of_term(days[0], months, days[1]) == days[2]


def rate(**fields: object) -> Rate:
    """A price of one's own for tokens of gpt-4o."""
    made = Rate(
        rate_id="file:1", model="gpt-4o", meter="input", price=Decimal("0.000001"),
        valid_from=datetime(2025, 1, 1, tzinfo=UTC), source="file", source_version="1",
    )  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]  # the fields of a rate


@pytest.mark.parametrize(
    "own",
    [
        rate(deployment_type="ptu"),
        rate(),  # for every type, so for ptu too
        rate(deployment_type="ptu", valid_from=datetime(2026, 6, 1, tzinfo=UTC)),
    ],
)
def test_prices_by_the_token_beside_a_block_are_refused(own: Rate) -> None:
    """Nobody is charged twice for the same tokens without having been told."""
    card = RateCard([*builtin_rates(), own])
    with pytest.raises(RateCardError, match="block 'chat' charges gpt-4o by the hour"):
        refuse_token_prices(card, [block()])


@pytest.mark.parametrize(
    "own",
    [
        rate(deployment_type="global"),
        rate(deployment_type="ptu", price=Decimal(0)),
        rate(deployment_type="ptu", valid_to=START),
        rate(deployment_type="ptu", valid_from=LONG),
        rate(model="o3"),
    ],
)
def test_other_prices_are_not(own: Rate) -> None:
    """Prices of other types, models and times stand beside a block."""
    refuse_token_prices(RateCard([*builtin_rates(), own]), [block(valid_to=LONG)])
