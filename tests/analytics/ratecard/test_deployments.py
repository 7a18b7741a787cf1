"""Which entry a request's deployment, backend and day are about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.ratecard.deployments import DeploymentBook, model_of, same_backend
from analytics.ratecard.rate import Use
from analytics.types import Deployment

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)


def entry(model: str, **fields: Any) -> Deployment:
    """An entry of the deployment `chat`."""
    return Deployment("chat", model, **fields)


def found(entries: list[Deployment], backend: str | None = "sweden", at: datetime = NOON) -> Any:
    """The model of the entry that holds."""
    one = DeploymentBook(entries).find("chat", backend, at)
    return one and one.model


def test_a_backend_wins_then_the_settings_then_the_latest() -> None:
    """In this order; each only among those that hold."""
    named = entry("a", backend="sweden", source="az")
    settings = entry("b", backend="sweden")
    later = entry("c", backend="sweden", valid_from=NOON - DAY)
    anywhere = entry("d", valid_from=NOON - DAY)
    assert found([anywhere, named]) == "a"
    assert found([anywhere, named, settings]) == "b"
    assert found([anywhere, named, settings, later]) == "c"
    assert found([anywhere, named, settings, later], backend="france") == "d"
    assert found([named, settings, later], backend="france") is None


@given(st.permutations([("a", "sweden", "az"), ("b", None, "settings"), ("c", "Sweden", "az")]))
def test_the_order_of_entries_does_not_matter(order: list[tuple[str, str | None, Any]]) -> None:
    """Whoever wins, wins from any place in the list."""
    days = {"a": NOON - DAY, "b": None, "c": NOON - 2 * DAY}
    entries = [entry(m, backend=b, source=s, valid_from=days[m]) for m, b, s in order]
    assert found(entries) == "a"


def test_a_request_without_a_backend_is_not_taken_for_one_of_a_backend() -> None:
    """Where it went is not known, so nothing is guessed."""
    assert found([entry("a", backend="sweden")], backend=None) is None
    assert found([entry("a")], backend=None) == "a"


def test_an_entry_holds_on_every_utc_day_it_touches() -> None:
    """Of two that share a day, the later one counts for the whole of it."""
    before = entry("before", valid_to=NOON)
    after = entry("after", valid_from=NOON)
    assert found([before, after], at=MIDNIGHT) == "after"
    assert found([before, after], at=MIDNIGHT - timedelta(seconds=1)) == "before"
    assert found([before], at=MIDNIGHT + timedelta(hours=23)) == "before"
    assert found([before], at=MIDNIGHT + DAY) is None


def test_a_day_of_the_settings_is_the_first_that_no_longer_holds() -> None:
    """Two entries that meet at midnight never hold at once."""
    entries = [entry("before", valid_to=MIDNIGHT), entry("after", valid_from=MIDNIGHT)]
    assert found(entries, at=MIDNIGHT - timedelta(microseconds=1)) == "before"
    assert found(entries[:1], at=MIDNIGHT) is None
    assert found(entries, at=MIDNIGHT) == "after"


def test_what_the_winner_leaves_open_the_next_about_the_same_model_tells() -> None:
    """Azure's list knows no regions; the settings do, but not of another model."""
    imported = entry("gpt-4o", backend="sweden", source="az", deployment_type="data_zone")
    settings = entry("gpt-4o-2024-11-20", region="swedencentral", deployment_type="global")
    one = DeploymentBook([imported, settings]).find("chat", "sweden", NOON)
    assert one == replace(imported, region="swedencentral")
    other = DeploymentBook([imported, replace(settings, model="o3")]).find("chat", "sweden", NOON)
    assert other == imported


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("contoso.openai.azure.com", "Contoso.OpenAI.azure.com", True),
        ("contoso", "contoso.openai.azure.com", True),
        ("contoso.openai.azure.com", "contoso", True),
        ("contoso", "contoso-2.openai.azure.com", False),
        ("contoso.openai", "contoso.openai.azure.com", False),
        ("127.0.0.1:80", "127.0.0.1:8080", False),
    ],
)
def test_an_account_and_its_host_are_one_backend(one: str, other: str, *, same: bool) -> None:
    """Logs name the account, gateways the host they called."""
    assert same_backend(one, other) is same


PRICED = frozenset({"gpt-4o", "gpt-4.1"})


@pytest.mark.parametrize(
    ("source", "answered", "model"),
    [
        ("settings", "gpt-4.1-2025-04-14", ("gpt-4o", "2024-08-06")),
        ("settings", None, ("gpt-4o", "2024-08-06")),
        ("az", "gpt-4o-2024-11-20", ("gpt-4o", "2024-11-20")),
        ("az", "gpt-4o", ("gpt-4o", "2024-08-06")),
        ("az", "gpt-4.1-2025-04-14", ("gpt-4.1", "2025-04-14")),
        ("az", "house-model", ("gpt-4o", "2024-08-06")),
        ("az", None, ("gpt-4o", "2024-08-06")),
    ],
)
def test_an_answer_knows_better_than_an_import_and_not_than_the_settings(
    source: Any, answered: str | None, model: tuple[str, str]
) -> None:
    """An import may be of before the last upgrade; what an operator wrote is meant."""
    one = entry("gpt-4o", version="2024-08-06", source=source)
    use = Use(NOON, "chat", response_model=answered, request_model="gpt-4.1")
    assert model_of(use, one, PRICED) == model


def test_a_router_is_charged_as_what_answered() -> None:
    """It answers with a model of its choice, which is what has a price."""
    one = entry("model-router", version="2025-08-07", source="az")
    use = Use(NOON, "chat", response_model="gpt-4.1-2025-04-14")
    assert model_of(use, one, PRICED) == ("gpt-4.1", "2025-04-14")
