"""The report on provisioned throughput, on a month small enough to compute by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from analytics.provisioned.report import provisioned
from tests.analytics.provisioned.made_blocks import block, put_blocks
from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.provisioned import Block
    from analytics.provisioned.report import BlockReport
    from analytics.store import Store

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
LATER = datetime(2026, 3, 1, tzinfo=UTC)
TEN = datetime(2026, 1, 10, 10, tzinfo=UTC)


def three(**fields: Any) -> Block:
    """Three PTUs at a cent an hour, for January: 22.32 USD, and 7,500 input tokens a minute."""
    made: dict[str, Any] = {
        "ptus": 3,
        "price_per_ptu_hour": Decimal("0.01"),
        "valid_from": JANUARY,
        "valid_to": FEBRUARY,
    }
    return block(**(made | fields))


@pytest.fixture(autouse=True)
def _month(store: Store, loader: Loader) -> None:
    """Five requests in three minutes, at 2.50, 1.25 cached and 10 USD for a million tokens.

    In the first minute 2,000 need one PTU, 3,000 more a second, and 2,000 with 100 of output a
    third; in the second, 9,000 need more than there is; in the third, 1,000 and 5,000 cached need
    one.
    """
    put_blocks(store, three())
    ptu = attempt(deployment="chat-ptu", deployment_type="ptu", utilization=41.0)
    asked = [
        (0, 2000, None, None),
        (10, 3000, None, None),
        (20, 2000, None, 100),
        (60, 9000, None, None),
        (120, 6000, 5000, None),
    ]
    load(
        loader,
        *(
            event(
                number,
                at=TEN + timedelta(seconds=seconds),
                input_tokens=tokens,
                cached_input_tokens=cached,
                output_tokens=output,
                attempts=[ptu],
            )
            for number, (seconds, tokens, cached, output) in enumerate(asked, 1)
        ),
    )


def january(store: Store) -> BlockReport:
    """The only block's report for the month."""
    (report,) = provisioned(store, JANUARY, FEBRUARY, now=LATER)
    return report


def test_the_month_is_what_it_is_by_hand(store: Store) -> None:
    """744 hours of three PTUs, of which one hour was used a little; and the price of a token."""
    report = january(store)
    assert report.ptu_hours == 2232
    assert report.cost == Decimal("22.32")
    # 17,400 weighted tokens of 450,000 in one hour of three cents
    assert report.cost - report.idle_cost == Decimal("0.00116")
    assert report.utilization_mean == pytest.approx(17_400 / 450_000 / 744)
    assert report.utilization_p95 == 0
    assert (report.measured_mean, report.measured_p95) == (0.41, 0.41)
    assert (report.requests, report.tokens) == (5, 22_100)
    assert report.price_per_million_tokens == Decimal("1009.954751")
    assert report.pay_as_you_go == Decimal("0.04975")
    assert report.charged_by_token == 0


def test_fewer_ptus_are_simulated_minute_by_minute(store: Store) -> None:
    """Two PTUs would have turned away the third and the fourth request, and so on."""
    report = january(store)
    assert report.basis == "requests"
    steps: list[tuple[object, ...]] = [
        (one.fewer, one.saved, one.requests_over, one.tokens_over, one.pay_as_you_go)
        for one in report.choices
    ]
    assert steps == [
        (0, 0, 0, 0, 0),
        (1, Decimal("7.44"), 2, 11_100, Decimal("0.0285")),
        (2, Decimal("14.88"), 3, 14_100, Decimal("0.036")),
        (3, Decimal("22.32"), 5, 22_100, Decimal("0.04975")),
    ]
    assert report.best is not None
    assert (report.best.ptus, report.best.total) == (0, Decimal("0.04975"))


def test_without_the_requests_hours_are_used_and_it_is_said(store: Store) -> None:
    """Retention takes the peaks away, not the money; the report says that it looks better now."""
    before = january(store)
    with store.transaction() as connection:
        connection.execute("DELETE FROM usage.events")
        connection.execute("DELETE FROM usage.attempts")
    report = january(store)
    assert report.basis == "hours"
    assert "no longer stored" in " ".join(report.remarks)
    assert (report.cost, report.pay_as_you_go) == (before.cost, before.pay_as_you_go)
    assert [one.requests_over for one in report.choices] == [0, 0, 0, 5]
    assert report.choices[-1].pay_as_you_go == Decimal("0.04975")


def test_paying_twice_is_said(store: Store, loader: Loader) -> None:
    """A gateway that calls the deployment `global` has its tokens charged: the report tells."""
    wrong = attempt(deployment="chat-ptu", deployment_type="global")
    load(loader, event(9, at=TEN, input_tokens=1000, cached_input_tokens=0, attempts=[wrong]))
    report = january(store)
    assert report.charged_by_token == Decimal("0.0035")
    assert "charged a second time, 0.0035" in report.remarks[0]


def test_blocks_on_top_carry_first_what_the_others_cannot(store: Store) -> None:
    """With two PTUs beside it, one PTU less of three leaves room for all but the largest minute."""
    put_blocks(store, three(), three(block="more", ptus=2))
    chat, more = provisioned(store, JANUARY, FEBRUARY, now=LATER)
    assert (chat.block, more.block) == ("chat", "more")
    # five PTUs: only 9,000 a minute need the fourth, 7,400 the third
    assert [one.requests_over for one in chat.choices] == [0, 0, 1, 2]
    assert (chat.tokens + more.tokens, chat.requests + more.requests) == (22_100, 5)


def test_what_nobody_told_is_not_guessed(store: Store) -> None:
    """Without a capacity there is a cost and a price, but no simulation; and it is said."""
    put_blocks(store, three(model="house", input_tokens_per_minute_per_ptu=None))
    report = january(store)
    assert (report.choices, report.best, report.utilization_mean) == ((), None, None)
    assert report.cost == Decimal("22.32")
    assert "input_tokens_per_minute_per_ptu" in report.remarks[0]


def test_only_blocks_of_the_time_are_told(store: Store) -> None:
    """A block that had ended, or has not begun, is no part of a report."""
    assert provisioned(store, FEBRUARY, LATER, now=LATER) == []
    (half,) = provisioned(store, TEN, FEBRUARY, now=TEN + timedelta(hours=2, minutes=30))
    assert half.ptu_hours == 6
