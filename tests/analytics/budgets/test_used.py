"""What a scope used."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from analytics.budgets.budget import Budget
from analytics.budgets.used import is_known, left_out, used_hourly
from analytics.load import Loader
from tests.analytics.charged import exchange
from tests.analytics.samples import MORNING, FakeClock, event, load
from tests.analytics.spending import HOUR, add_charges, charge

if TYPE_CHECKING:
    from pathlib import Path

    from analytics.store import Store

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


def budget(**fields: Any) -> Budget:
    """A budget of 100 of something."""
    return Budget.model_validate({"name": "b", "limit": 100, **fields})


def test_money_is_exact_and_by_the_hour(empty_store: Store) -> None:
    """Sums keep every digit, and what a correction takes back is gone."""
    tiny = "0.000000000000000001"
    add_charges(
        empty_store,
        [
            charge(NINE, "0.1"), charge(NINE, "0.2"), charge(NINE, tiny),
            charge(NINE + HOUR, "5"), charge(NINE + HOUR, "-5"), charge(NINE + 2 * HOUR, "7"),
        ],
    )  # fmt: skip
    used = used_hourly(empty_store, budget(), NINE, NINE + 2 * HOUR)
    assert used == {NINE: Decimal("0.300000000000000001"), NINE + HOUR: Decimal(0)}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({}, 31),
        ({"team": "search"}, 19),
        ({"key": "search-app"}, 17),
        ({"key": "k_2"}, 2),
        ({"model": "o4-mini"}, 4),
        ({"deployment": "chat", "team": "search"}, 3),
    ],
)
def test_scopes_choose_and_narrow(empty_store: Store, scope: dict[str, str], expected: int) -> None:
    """A budget counts what is its own: by name or id of the key, team, model, deployment."""
    add_charges(
        empty_store,
        [
            charge(NINE, "1"),
            charge(NINE, "2", key_id="k_2", key_name="other"),
            charge(NINE, "4", team="sales", model="o4-mini", key_name="crm", deployment="mini"),
            charge(NINE, "8", team=None, key_id=None, key_name="idle"),
            charge(NINE, "16", deployment="house"),
        ],
    )
    used = used_hourly(empty_store, budget(**scope), NINE, NINE + HOUR)
    assert sum(used.values()) == expected


def test_tokens_and_requests_come_from_traffic(empty_store: Store) -> None:
    """Tokens are input and output; a request counts once, however many attempts it took."""
    load(Loader(empty_store, FakeClock()), event(1), event(2, team="sales"))
    hour = MORNING.replace(minute=0)
    assert used_hourly(empty_store, budget(measure="tokens"), hour, hour + HOUR) == {hour: 2200}
    assert used_hourly(
        empty_store, budget(measure="requests", team="sales"), hour, hour + HOUR
    ) == {hour: 1}


def test_what_is_not_counted_is_said(empty_store: Store) -> None:
    """Charges in another currency and usage without a price do not just vanish."""
    add_charges(
        empty_store,
        [
            charge(NINE, "1"),
            charge(NINE, "3", currency="EUR"),
            charge(NINE, None, model="house", meter="input", requests=4),
            charge(NINE, None, model="house", meter="output", requests=5),
        ],
    )
    outside = left_out(empty_store, budget(), NINE, NINE + HOUR)
    assert outside.other_currencies == {"EUR": Decimal(3)}
    assert outside.unpriced_requests == 5
    assert used_hourly(empty_store, budget(currency="EUR"), NINE, NINE + HOUR) == {NINE: 3}


def test_money_of_another_currency_counts_by_the_rate_of_its_day(
    empty_store: Store, tmp_path: Path
) -> None:
    """A budget in dollars guards charges in euros as well, once there is an exchange rate."""
    add_charges(empty_store, [charge(NINE, "1"), charge(NINE, "3", currency="EUR")])
    exchange(empty_store, tmp_path, [f"{NINE:%Y-%m-%d},EUR,USD,1.25"])
    assert used_hourly(empty_store, budget(), NINE, NINE + HOUR) == {NINE: Decimal("4.75")}
    assert left_out(empty_store, budget(), NINE, NINE + HOUR).other_currencies == {}


def test_a_name_that_was_never_seen_is_known_to_be_unknown(empty_store: Store) -> None:
    """A misspelt team is told from one that is quiet now."""
    add_charges(empty_store, [charge(NINE, "1")])
    assert is_known(empty_store, budget(team="search"))
    assert not is_known(empty_store, budget(team="serch"))
    assert is_known(empty_store, budget())
