"""View `provisioned_hourly`: who pays for provisioned throughput, hour by hour."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

import pytest

from analytics.store import Store
from tests.analytics.provisioned.made_blocks import (
    START,
    block,
    cost,
    hourly,
    put_blocks,
    put_charges,
)
from tests.analytics.samples import attempt, event, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from analytics.load import Loader

HOUR = timedelta(hours=1)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    """A store without rates or events."""
    with Store.open(str(tmp_path / "empty")) as opened:
        yield opened


def test_unused_capacity_does_not_vanish(empty: Store) -> None:
    """A block that nobody uses costs its whole price, in rows that say so."""
    put_blocks(empty, block(valid_to=START + 3 * HOUR))
    rows = hourly(empty)
    assert [(row["key_id"], row["key_name"], row["team"]) for row in rows] == 3 * [
        (None, "idle", None)
    ]
    assert {row["cost"] for row in rows} == {Decimal(10)}
    assert {row["quantity"] for row in rows} == {Decimal(10)}
    assert {row["deployment"] for row in rows} == {"chat-ptu"}


def test_an_hour_is_split_by_weighted_tokens_and_the_rest_is_idle(empty: Store) -> None:
    """Output counts four times, cached input nothing; half of the capacity is half of the price."""
    put_blocks(empty, block(valid_to=START + HOUR))
    put_charges(
        empty,
        [
            {"quantity": 150_000},
            {"meter": "cached_input", "quantity": 900_000},
            {"meter": "output", "quantity": 75_000, "key_id": "k_2", "team": "care"},
            {"meter": "input", "quantity": 300_000, "key_id": "k_2", "team": "care"},
        ],
    )
    rows = hourly(empty)
    assert [(row["team"], row["cost"], row["quantity"]) for row in rows] == [
        ("web", Decimal(1), Decimal(1)),
        ("care", Decimal(4), Decimal(4)),
        (None, Decimal(5), Decimal(5)),
    ]
    assert {row["meter"] for row in rows} == {"provisioned"}
    assert {row["rate_id"] for row in rows} == {"provisioned:chat"}
    assert {row["requests"] for row in rows} == {0}


def test_more_than_the_capacity_leaves_nothing_idle_and_costs_no_more(empty: Store) -> None:
    """Bursts above the published capacity are split over the users, to the last digit."""
    put_blocks(empty, block(valid_to=START + HOUR))
    put_charges(empty, [{"key_id": f"k_{n}", "quantity": 1_000_000} for n in range(3)])
    rows = hourly(empty)
    assert [row["key_name"] for row in rows] == 3 * ["search"]
    assert cost(rows) == 10
    assert {row["cost"] for row in rows} == {Decimal("3.333333"), Decimal("3.333334")}
    assert all(row["cost"] == row["quantity"] for row in rows)


def test_without_a_capacity_the_measured_peak_tells_what_is_idle(empty: Store) -> None:
    """A backend that says 40 % was used leaves 60 % idle; one that says nothing, nothing."""
    put_blocks(empty, block(valid_to=START + 2 * HOUR, input_tokens_per_minute_per_ptu=None))
    put_charges(empty, [{}, {"hour": START + HOUR}])
    with empty.transaction() as connection:
        for peak in (12.5, 40.0):
            connection.execute(
                "INSERT INTO traffic_hourly (hour, deployment, max_utilization) VALUES (?, ?, ?)",
                [START, "chat-ptu", peak],
            )
    rows = hourly(empty)
    assert [(row["key_name"], row["cost"]) for row in rows] == [
        ("search", Decimal(4)),
        ("idle", Decimal(6)),
        ("search", Decimal(10)),
    ]


def test_blocks_of_one_deployment_add_up(empty: Store) -> None:
    """Ten PTUs and twenty on top are thirty: each carries its share of the traffic."""
    put_blocks(
        empty,
        block(valid_to=START + HOUR),
        block(block="more", ptus=20, valid_to=START + HOUR, price_per_ptu_hour=Decimal("0.5")),
    )
    put_charges(empty, [{"quantity": 2_250_000}])
    assert [(row["rate_id"], row["key_name"], row["cost"]) for row in hourly(empty)] == [
        ("provisioned:chat", "search", Decimal(5)),
        ("provisioned:chat", "idle", Decimal(5)),
        ("provisioned:more", "search", Decimal(5)),
        ("provisioned:more", "idle", Decimal(5)),
    ]


def test_a_block_of_one_backend_leaves_the_others_alone(empty: Store) -> None:
    """A deployment of the same name elsewhere is not the block's."""
    put_blocks(empty, block(backend="sweden", valid_to=START + HOUR))
    put_charges(empty, [{"quantity": 750_000}, {"quantity": 750_000, "backend": "france"}])
    rows = hourly(empty)
    assert [(row["backend"], row["key_name"], row["cost"]) for row in rows] == [
        ("sweden", "search", Decimal(5)),
        ("sweden", "idle", Decimal(5)),
    ]


def test_only_what_came_within_the_block_s_time_is_its(empty: Store) -> None:
    """Traffic before a block was bought and after it ended is not charged to it."""
    put_blocks(empty, block(valid_to=START + HOUR))
    put_charges(empty, [{"hour": START - HOUR}, {"hour": START + HOUR}])
    (row,) = hourly(empty)
    assert (row["hour"], row["key_name"], row["cost"]) == (START, "idle", Decimal(10))


def test_the_running_hour_is_not_charged_yet(empty: Store) -> None:
    """Only whole hours that have passed are: 24 of them in the last day, up to the hour before."""
    now = datetime.now(UTC)
    put_blocks(empty, block(valid_from=now.replace(minute=0, second=0, microsecond=0) - 24 * HOUR))
    hours = [row["hour"] for row in hourly(empty)]
    assert len(hours) in {24, 25}  # 25 when the clock struck between the two lines above
    assert max(hours) + HOUR <= datetime.now(UTC)


def test_a_part_of_an_hour_costs_its_part(empty: Store) -> None:
    """A block that begins at a quarter past costs three quarters of that hour."""
    begins = START + timedelta(minutes=15)
    put_blocks(empty, block(valid_from=begins, valid_to=START + 2 * HOUR))
    assert [(row["hour"], row["quantity"], row["cost"]) for row in hourly(empty)] == [
        (START, Decimal("7.5"), Decimal("7.5")),
        (START + HOUR, Decimal(10), Decimal(10)),
    ]


@pytest.mark.parametrize(("month", "days"), [(1, 31), (2, 28), (4, 30), (3, 31), (10, 31)], ids=str)
def test_a_month_s_reservation_adds_up_to_its_price(empty: Store, month: int, days: int) -> None:
    """Months of 28 to 31 days cost the same; those in which clocks change have no odd hour."""
    begins = datetime(2025, month, 1, tzinfo=UTC)
    ends = datetime(2025, month + 1, 1, tzinfo=UTC)
    price = Decimal("26000.01")
    put_blocks(
        empty,
        block(valid_from=begins, valid_to=ends, reservation_price=price, reservation_months=1),
    )
    rows = hourly(empty)
    assert len(rows) == days * 24
    assert cost(rows) == price
    assert {row["quantity"] for row in rows} == {Decimal(10)}
    assert max(row["cost"] for row in rows) - min(row["cost"] for row in rows) <= Decimal("1e-12")


def test_months_that_begin_on_the_31st_go_on_at_the_end_of_shorter_ones(empty: Store) -> None:
    """31 January to 28 February is a month, and so is 28 February to 31 March."""
    begins = datetime(2025, 1, 31, tzinfo=UTC)
    price = Decimal(744)
    put_blocks(
        empty,
        block(
            valid_from=begins, valid_to=datetime(2025, 3, 31, tzinfo=UTC),
            reservation_price=price, reservation_months=1,
        ),
    )  # fmt: skip
    turn = datetime(2025, 2, 28, tzinfo=UTC)
    rows = hourly(empty)
    assert cost(row for row in rows if row["hour"] < turn) == price
    assert cost(row for row in rows if row["hour"] >= turn) == price


def test_a_leap_year_s_reservation_adds_up_to_its_price(empty: Store) -> None:
    """A year is 8,784 hours in 2024."""
    put_blocks(
        empty,
        block(
            valid_from=datetime(2024, 1, 1, 10, 30, tzinfo=UTC),
            valid_to=datetime(2025, 1, 1, 10, 30, tzinfo=UTC),
            reservation_price=Decimal("99999.999999"), reservation_months=12,
        ),
    )  # fmt: skip
    (row,) = empty.frame(
        "SELECT sum(cost) AS cost, sum(quantity) AS quantity, count(DISTINCT hour) AS hours "
        "FROM provisioned_hourly"
    ).iter_rows(named=True)
    assert row["cost"] == Decimal("99999.999999")
    assert row["quantity"] == 8784 * 10
    assert row["hours"] == 8785


def test_the_reader_s_time_zone_changes_nothing(empty: Store) -> None:
    """Hours and terms are UTC's, also for an analyst in Berlin in the night clocks change."""
    put_blocks(
        empty,
        block(
            valid_from=datetime(2025, 3, 1, tzinfo=UTC), valid_to=datetime(2025, 4, 1, tzinfo=UTC),
            reservation_price=Decimal(1000), reservation_months=1,
        ),
    )  # fmt: skip
    query = "SELECT count(*), sum(cost), min(epoch(hour)), max(epoch(hour)) FROM provisioned_hourly"
    cursor = empty.cursor()
    here = cursor.execute(query).fetchall()
    cursor.execute("SET TimeZone = 'Europe/Berlin'")
    assert cursor.execute(query).fetchall() == here
    assert here[0][:2] == (31 * 24, Decimal(1000))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_parts_of_every_hour_add_up(empty: Store, seed: int) -> None:
    """Whatever was bought and used: sums are exact, no part is negative, none costs without use."""
    rnd = random.Random(seed)  # noqa: S311 - made-up traffic
    hours = 6
    blocks = [
        block(
            block=f"b{n}",
            ptus=rnd.randrange(1, 400),
            price_per_ptu_hour=Decimal(rnd.randrange(1, 10**13)).scaleb(-12),
            deployments=tuple(rnd.sample(["a", "b", "c"], rnd.randrange(1, 4))),
            backend=rnd.choice([None, "sweden"]),
            input_tokens_per_minute_per_ptu=rnd.choice([None, 230, 37_000]),
            output_weight=Decimal(rnd.choice(["4", "8", "0.333"])),
            valid_from=START + timedelta(minutes=rnd.choice([0, 0, 61, 100])),
            valid_to=START + hours * HOUR,
        )
        for n in range(5)
    ]
    put_blocks(empty, *blocks)
    put_charges(
        empty,
        [
            {
                "hour": START + rnd.randrange(hours) * HOUR,
                "key_id": f"k_{rnd.randrange(4)}",
                "team": rnd.choice(["web", "care", None]),
                "deployment": rnd.choice("abcd"),
                "backend": rnd.choice(["sweden", "france", None]),
                "meter": rnd.choice(["input", "cached_input", "output"]),
                "quantity": rnd.choice([1, 7, rnd.randrange(1, 10**7)]),
            }
            for _ in range(40)
        ],
    )
    rows = hourly(empty)
    assert all(row["cost"] >= 0 and row["quantity"] >= 0 for row in rows)
    assert not any(row["cost"] for row in rows if not row["quantity"])
    for one in blocks:
        assert one.price_per_ptu_hour is not None
        own = [row for row in rows if row["rate_id"] == f"provisioned:{one.block}"]
        for hour in (START + n * HOUR for n in range(hours)):
            minutes = max((hour + HOUR - max(hour, one.valid_from)) // timedelta(minutes=1), 0)
            of_hour = [row for row in own if row["hour"] == hour]
            whole = one.ptus * one.price_per_ptu_hour * minutes / 60
            assert cost(of_hour) == whole.quantize(Decimal("1e-12"), ROUND_DOWN)
            ptu_hours = (Decimal(one.ptus) * minutes / 60).quantize(Decimal("1e-6"), ROUND_DOWN)
            assert sum(row["quantity"] for row in of_hour) == ptu_hours


def test_an_event_that_lies_about_its_tokens_breaks_nothing(empty: Store) -> None:
    """The largest number that an event may claim is still split without an overflow."""
    put_blocks(
        empty,
        block(
            valid_to=START + HOUR, ptus=1_000_000, price_per_ptu_hour=Decimal("9999.999999999999")
        ),
    )
    put_charges(empty, [{"meter": "output", "quantity": (1 << 53) * 1000}, {"key_id": "k_2"}])
    rows = hourly(empty)
    assert cost(rows) == Decimal("9999999999.999999")
    assert sum(row["quantity"] for row in rows) == 1_000_000


def test_charges_hold_both_and_count_no_request_twice(store: Store, loader: Loader) -> None:
    """The view that all reports read has the tokens at 0 and the hours at their price."""
    at = START + timedelta(minutes=5)
    ptu = attempt(deployment="chat-ptu", deployment_type="ptu")
    load(loader, event(1, at=at, deployment="chat-ptu", attempts=[ptu]))
    put_blocks(store, block(valid_to=START + HOUR))
    rows = store.frame(
        "SELECT meter, key_name, sum(cost) AS cost, sum(requests) AS requests FROM charges "
        "GROUP BY ALL ORDER BY meter, key_name"
    ).rows()
    # 800 tokens and four times 100 of 1,500,000
    used = Decimal("0.008")
    assert [row[:3] for row in rows] == [
        ("cached_input", "search-app", Decimal(0)),
        ("input", "search-app", Decimal(0)),
        ("output", "search-app", Decimal(0)),
        ("provisioned", "idle", 10 - used),
        ("provisioned", "search-app", used),
    ]
    assert [row[3] for row in rows[3:]] == [0, 0]


def test_late_events_move_the_split_and_not_the_sum(store: Store, loader: Loader) -> None:
    """A request that is stored long after its hour gets its share; the hour costs the same."""
    put_blocks(store, block(valid_to=START + HOUR))
    ptu = attempt(deployment="chat-ptu", deployment_type="ptu")
    load(loader, event(1, at=START, deployment="chat-ptu", attempts=[ptu]))
    before = hourly(store)
    late = event(2, at=START + timedelta(minutes=30), team="care", key_id="k_2", attempts=[ptu])
    load(loader, late)
    after = hourly(store)
    assert len(before) == 2
    assert len(after) == 3
    assert cost(before) == cost(after) == 10
    assert {row["cost"] for row in after if row["key_id"]} == {Decimal("0.008")}


def test_what_spilled_over_pays_by_the_token_and_is_not_the_block_s(
    store: Store, loader: Loader
) -> None:
    """Only what the provisioned deployment served counts into it."""
    put_blocks(store, block(valid_to=START + HOUR))
    full = attempt(
        deployment="chat-ptu", deployment_type="ptu", status_code=429, throttle="capacity"
    )
    spilled = event(1, at=START, deployment="chat-ptu", attempts=[full, attempt(offset_ms=40.0)])
    load(loader, spilled)
    (idle,) = hourly(store)
    assert (idle["key_name"], idle["cost"]) == ("idle", Decimal(10))
    tokens = store.frame(
        "SELECT deployment, sum(cost) FROM charges WHERE meter <> 'provisioned' GROUP BY ALL"
    ).rows()
    assert tokens == [("chat", Decimal("0.00325"))]


def test_two_terms_that_meet_inside_an_hour_are_one_idle_row(empty: Store) -> None:
    """A reservation from half past six: every month has its price, and no hour two."""
    begins = datetime(2026, 1, 1, 6, 30, tzinfo=UTC)
    reserved = block(
        valid_from=begins, valid_to=begins.replace(month=5), price_per_ptu_hour=None,
        reservation_price=Decimal(1000), reservation_months=1,
    )  # fmt: skip
    put_blocks(empty, reserved)
    rows = hourly(empty)
    assert cost(rows) == 4000
    assert len({row["hour"] for row in rows}) == len(rows)
