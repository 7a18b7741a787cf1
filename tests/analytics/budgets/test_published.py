"""What gateways are told of the enforced budgets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from analytics.budgets import Budget, published
from analytics.load import Loader
from gateway_hooks.gateway.budgets import BudgetState
from tests.analytics.samples import FakeClock, attempt, event, load
from tests.analytics.spending import HOUR, add_charges, charge

if TYPE_CHECKING:
    from analytics.store import Store

NOW = datetime(2026, 11, 16, 12, 30, tzinfo=UTC)
HOUR_OF_NOW = NOW.replace(minute=0)


def of(store: Store, zone: str = "UTC", now: datetime = NOW, **fields: Any) -> dict[str, Any]:
    """What is published of one budget."""
    budget = Budget.model_validate({"name": "b", "limit": "100", "enforce": "deny", **fields})
    (one,) = published(store, [budget], now=now, zone=ZoneInfo(zone))["budgets"]
    return dict(one)


def test_only_what_is_to_be_enforced_is_published(empty_store: Store) -> None:
    """Budgets that only alert are nobody's business at the gateway."""
    budgets = [
        Budget(name="alerts", limit=5),  # type: ignore[arg-type] # as TOML gives it
        Budget(name="cheap", limit=5, enforce="downgrade", downgrade_to="mini"),  # type: ignore[arg-type]
    ]
    document = published(empty_store, budgets, now=NOW, zone=ZoneInfo("UTC"))
    assert [one["name"] for one in document["budgets"]] == ["cheap"]
    assert document["budgets"][0]["downgrade_to"] == "mini"
    assert document["written_at"] == "2026-11-16T12:30:00+00:00"


def test_spend_of_the_running_period_is_exact(empty_store: Store) -> None:
    """What was used before the period began is not in it; no digit is lost."""
    add_charges(
        empty_store,
        [
            charge(HOUR_OF_NOW, "0.000000000000000001"),
            charge(HOUR_OF_NOW, "99.9"),
            charge(HOUR_OF_NOW - timedelta(days=20), "7"),
        ],
    )
    one = of(empty_store)
    assert (one["used"], one["limit"], one["unit"]) == ("99.900000000000000001", "100", "USD")
    assert one["until"] == "2026-12-01T00:00:00+00:00"


def test_periods_are_those_of_the_business(empty_store: Store) -> None:
    """A day in Berlin ends an hour before that of UTC."""
    add_charges(
        empty_store,
        [
            charge(datetime(2026, 11, 15, 22, tzinfo=UTC), "1"),
            charge(datetime(2026, 11, 15, 23, tzinfo=UTC), "2"),
        ],
    )
    one = of(empty_store, "Europe/Berlin", period="daily")
    assert one["used"].rstrip("0") == "2."
    assert one["until"] == "2026-11-16T23:00:00+00:00"


def test_tokens_and_requests_are_counted_too(empty_store: Store) -> None:
    """A budget of tokens is enforced like one of money."""
    load(Loader(empty_store, FakeClock()), event(1, at=NOW), event(2, at=NOW))
    assert of(empty_store, measure="tokens", limit=2200)["used"] == "2200"
    requests = of(empty_store, measure="requests", limit=5)
    assert (requests["used"], requests["unit"]) == ("2", "requests")


def test_a_model_is_told_by_its_deployments(empty_store: Store) -> None:
    """By the names that were billed, which a gateway knows of its pools, and the model's own."""
    load(
        Loader(empty_store, FakeClock()),
        event(1, at=NOW, deployment="chat"),
        event(2, at=NOW, deployment="alias", attempts=[attempt(deployment="house")]),
        event(3, at=NOW, response_model="o4-mini", attempts=[attempt(deployment="mini")]),
    )
    seen = of(empty_store, model="gpt-4o")["deployments"]
    assert seen == ["chat", "gpt-4o", "house"]
    assert of(empty_store, deployment="house")["deployments"] == ["house"]
    assert of(empty_store, team="search")["deployments"] is None


def test_the_gateway_reads_what_is_published(empty_store: Store, tmp_path: Path) -> None:
    """One document, two packages that share no code."""
    add_charges(empty_store, [charge(HOUR_OF_NOW, "100"), charge(HOUR_OF_NOW - HOUR, "1")])
    full = Budget(name="full", limit=100, enforce="deny", team="search")  # type: ignore[arg-type]
    free = Budget(name="free", limit=102, enforce="warn", key="search-app")  # type: ignore[arg-type]
    document = published(empty_store, [full, free], now=NOW, zone=ZoneInfo("UTC"))
    file = tmp_path / "state.json"
    file.write_text(json.dumps(document))

    class Then:
        """The time of publishing."""

        def wall_ns(self) -> int:
            return int(NOW.timestamp() * 1e9)

        monotonic_ns = wall_ns

    state = BudgetState(file, Then(), stale_seconds=600)
    assert {one.name: (one.is_used_up, one.team, one.key) for one in state.budgets()} == {
        "full": (True, "search", None),
        "free": (False, None, "search-app"),
    }
    assert not state.is_stale
