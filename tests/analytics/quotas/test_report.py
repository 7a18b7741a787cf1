"""How much of their quota deployments use, minute by minute."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analytics.load import Loader
from analytics.quotas import Contract, full_minutes, quota_report
from analytics.store import Store
from tests.analytics.samples import FakeClock, attempt, event, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
UNTIL = NINE + 60 * MINUTE


@pytest.fixture(scope="module")
def used_folder(tmp_path_factory: pytest.TempPathFactory, empty_folder: Path) -> Path:
    """Two deployments of one name and a quiet one; ten minutes, of which some are full."""
    folder = shutil.copytree(empty_folder, tmp_path_factory.mktemp("used") / "store")
    refused = attempt(status_code=429, throttle="token_rate", limit_tokens=9000)
    made = [
        # minute n uses n thousand tokens in one request at sweden
        *(event(n, at=NINE + n * MINUTE, input_tokens=1000 * n - 100) for n in range(1, 11)),
        # one at france, after sweden had refused it
        event(20, at=NINE + 3 * MINUTE, attempts=[refused, attempt(backend="france")]),
        # an hour's sum from a log that knows no requests
        event(21, at=NINE + 4 * MINUTE, aggregate=True, input_tokens=900_000),
        # answered from the gateway's cache: no backend saw it
        event(22, at=NINE + 5 * MINUTE, cache_hit=True, attempts=[]),
        # three calls to a provisioned deployment, which says how full it is
        *(
            event(
                30 + n, at=NINE + n * MINUTE, deployment="ptu",
                attempts=[attempt(deployment="ptu", utilization=50.0 + 30 * n)],
            )
            for n in range(3)
        ),
    ]  # fmt: skip
    with Store.open(str(folder)) as store:
        load(Loader(store, FakeClock()), *made)
    return folder


@pytest.fixture
def store(used_folder: Path) -> Iterator[Store]:
    """That store, to be read."""
    with Store.open(str(used_folder), read_only=True) as opened:
        yield opened


def rows(store: Store, *contracts: Contract) -> dict[tuple[str, str | None], dict[str, Any]]:
    """The report by deployment and backend."""
    frame = quota_report(store, contracts, since=NINE, until=UNTIL)
    return {(row["deployment"], row["backend"]): row for row in frame.iter_rows(named=True)}


def test_minutes_are_measured_against_the_contract(store: Store) -> None:
    """Minute ten used all of 10,000 tokens, minutes eight and nine 80 % or more."""
    row = rows(store, Contract("chat", "sweden", 10_000, 4, None))["chat", "sweden"]
    assert (row["peak_tokens"], row["peak_percent"]) == (10_000, 100.0)
    assert row["peak_at"] == NINE + 10 * MINUTE
    assert (row["minutes"], row["minutes_over_80"], row["minutes_over_100"]) == (10, 3, 1)
    assert row["p95_tokens"] == 10_000
    assert row["peak_requests"] == 1
    assert row["throttled_attempts"] == 1
    assert row["stated_tokens_limit"] == 9000


def test_requests_may_be_the_fuller_of_the_two(store: Store) -> None:
    """A quota of one call a minute is full in every minute with a call."""
    row = rows(store, Contract("chat", "sweden", 1_000_000, 1, None))["chat", "sweden"]
    assert row["minutes_over_100"] == 10


def test_a_contract_of_all_backends_has_a_row_each(store: Store) -> None:
    """One quota for a deployment's name holds at each backend by itself, unless one has its own."""
    found = rows(
        store,
        Contract("chat", None, 10_000, None, None),
        Contract("chat", "france", 550, None, None),
    )
    assert set(found) == {("chat", "sweden"), ("chat", "france")}
    assert found["chat", "france"]["tokens_per_minute"] == 550
    assert found["chat", "france"]["peak_percent"] == 200.0


def test_a_provisioned_deployment_says_itself_how_full_it_is(store: Store) -> None:
    """Tokens do not add up to throughput units; the backend's own utilization counts."""
    row = rows(store, Contract("ptu", None, None, None, 100))["ptu", "sweden"]
    assert (row["max_utilization"], row["peak_percent"]) == (110.0, 110.0)
    assert (row["minutes_over_80"], row["minutes_over_100"]) == (2, 1)


def test_the_month_counts_everything(store: Store) -> None:
    """Sums that are no minutes belong to the month: 55,000, and 900,100 at once."""
    row = rows(store, Contract("chat", "sweden", 10_000, None, None))["chat", "sweden"]
    assert row["month_tokens"] == 55_000 + 900_100
    minutes = (UNTIL - datetime(2026, 11, 1, tzinfo=UTC)) / MINUTE
    assert row["month_tokens_percent"] == pytest.approx(100 * 955_100 / (10_000 * minutes))


def test_a_contract_holds_in_its_time_only(store: Store) -> None:
    """A quota that was raised at 9:08 makes the minutes before it full, and not those after."""
    turn = NINE + 8 * MINUTE
    found = quota_report(
        store,
        [
            Contract("chat", "sweden", 5_000, None, None, None, turn),
            Contract("chat", "sweden", 50_000, None, None, turn, None),
        ],
        since=NINE,
        until=UNTIL,
    )
    full = dict(found.select("tokens_per_minute", "minutes_over_100").iter_rows())
    assert full == {5_000: 3, 50_000: 0}


def test_a_deployment_without_traffic_is_there(store: Store) -> None:
    """A contract that nobody uses is money too, and not left out."""
    row = rows(store, Contract("unused", None, 1000, None, None))["unused", None]
    assert (row["peak_percent"], row["minutes"]) == (None, 0)
    assert quota_report(store, [], since=NINE, until=UNTIL).is_empty()


def test_full_minutes_are_counted_by_contract(store: Store) -> None:
    """What alerts ask: how many minutes reached a percentage, and the fullest."""
    frame = full_minutes(
        store, [Contract("chat", None, 10_000, None, None)], since=NINE, until=UNTIL, percent=80
    )
    assert [
        tuple(row) for row in frame.select("backend", "minutes", "peak_percent").iter_rows()
    ] == [("sweden", 3, 100.0)]
