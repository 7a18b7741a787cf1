"""What is wrong about deployments is found, and what is right is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from analytics.deployments import Finding, check
from analytics.ratecard.deployment_table import add_deployments
from analytics.types import Deployment
from tests.analytics.samples import MORNING, attempt, event, load

if TYPE_CHECKING:
    from analytics.load import Loader
    from analytics.store import Store

CHAT = Deployment("chat", "gpt-4o", "2024-11-20", "global")
IMPORTED = replace(CHAT, backend="sweden", source="az", sku="GlobalStandard", capacity=10)
DAY = timedelta(days=1)


def found(store: Store, *entries: Deployment, **options: Any) -> list[tuple[str, bool]]:
    """Kind of each finding and whether it must be mended."""
    return [(one.kind, one.mend) for one in findings(store, *entries, **options)]


def findings(
    store: Store, *entries: Deployment, configured: list[Deployment] | None = None
) -> list[Finding]:
    """What is wrong with these entries in the store."""
    with store.transaction() as connection:
        connection.execute("DELETE FROM usage.deployments")
        add_deployments(connection, entries)
    if configured is None:
        configured = [one for one in entries if one.source == "settings"]
    return check(store, configured, MORNING - 7 * DAY)


def test_entries_that_disagree_at_the_same_time_are_a_conflict(store: Store) -> None:
    """Of two words about one deployment one is wrong; that they meet is no contradiction."""
    other = replace(CHAT, model="o3", version=None)
    assert found(store, CHAT, other) == [("overlap", True)]
    assert found(store, CHAT, replace(CHAT, capacity=10)) == []
    assert found(store, replace(CHAT, capacity=9), replace(CHAT, capacity=10)) == [
        ("overlap", True)
    ]
    assert found(store, replace(CHAT, valid_to=MORNING), replace(other, valid_from=MORNING)) == []
    assert found(store, replace(CHAT, name="talk"), other) == []


def test_an_exception_for_a_backend_is_no_conflict(store: Store) -> None:
    """That is what naming a backend is for."""
    there = replace(CHAT, model="o3", version=None, backend="france")
    assert found(store, CHAT, there) == []
    assert found(store, CHAT, there, replace(there, model="o1")) == [("overlap", True)]


@pytest.mark.parametrize(
    ("backend", "winner"), [(None, "the import counts"), ("Sweden", "the settings count")]
)
def test_settings_against_an_import_say_who_counts(
    store: Store, backend: str | None, winner: str
) -> None:
    """One of them is out of date, and money depends on which is believed."""
    settings = replace(CHAT, backend=backend, deployment_type="data_zone")
    (finding,) = findings(store, settings, IMPORTED)
    assert (finding.kind, finding.mend, finding.deployment) == ("settings_or_import", True, "chat")
    assert winner in finding.detail
    assert "data_zone or global" in finding.detail
    assert found(store, replace(CHAT, backend=backend), IMPORTED) == []
    assert found(store, replace(settings, backend="france"), IMPORTED) == []


@pytest.mark.parametrize(
    ("entry", "mend", "says"),
    [
        (replace(CHAT, model="o3", version=None), True, "correct it"),
        (replace(CHAT, version="2024-08-06"), True, "correct it"),
        (replace(IMPORTED, model="o3", version="2025-04-16"), False, "import anew"),
        (replace(IMPORTED, version="2024-08-06"), False, "import anew"),
    ],
)
def test_answers_that_name_another_model_are_told(
    loader: Loader, store: Store, entry: Deployment, *, mend: bool, says: str
) -> None:
    """The settings are believed against the answer, an import is not."""
    load(loader, event(1), event(2))
    (finding,) = findings(store, entry)
    assert (finding.kind, finding.mend, finding.requests) == ("traffic", mend, 2)
    assert (finding.deployment, finding.backend) == ("chat", "sweden")
    assert "gpt-4o-2024-11-20" in finding.detail
    assert says in finding.detail


@pytest.mark.parametrize(
    "entry",
    [CHAT, replace(CHAT, version=None), replace(CHAT, version="1120"), IMPORTED,
     replace(IMPORTED, model="model-router", version="2025-08-07")],
)  # fmt: skip
def test_answers_that_fit_are_no_finding(loader: Loader, store: Store, entry: Deployment) -> None:
    """Nor is a router, which answers with a model of its choice."""
    load(loader, event(1))
    assert found(store, entry) == []


def test_only_the_entry_of_the_day_is_held_against_the_traffic(
    loader: Loader, store: Store
) -> None:
    """What a deployment was last week is no contradiction today."""
    load(loader, event(1))
    before = replace(CHAT, model="o3", version=None, valid_to=MORNING - DAY)
    assert found(store, before, replace(CHAT, valid_from=MORNING - DAY)) == []


def test_deployments_that_nothing_is_known_of(loader: Loader, store: Store) -> None:
    """To be mended where they have no price; a model's own name needs no entry."""
    calls = [attempt(deployment="house")]
    load(
        loader,
        event(1),
        event(2, deployment="house", attempts=calls, response_model="house-1"),
        event(3, deployment="gpt-4o", attempts=[attempt(deployment="gpt-4o")]),
    )
    unmapped = [one for one in findings(store) if one.kind == "unmapped"]
    assert [(one.deployment, one.mend, one.requests) for one in unmapped] == [
        ("house", True, 1), ("chat", False, 1),
    ]  # fmt: skip
    assert found(store, CHAT, Deployment("house", "gpt-4o")) == [("traffic", True)]


def test_an_unknown_deployment_is_unpriced_and_never_free(loader: Loader, store: Store) -> None:
    """A name that says nothing has no price, and an entry gives it one."""
    strange = event(
        1, deployment="x", response_model=None, request_model=None,
        attempts=[attempt(deployment="x", backend="contoso")],
    )  # fmt: skip
    load(loader, strange)
    assert store.frame("SELECT cost FROM events").rows() == [(None,)]
    with store.transaction() as connection:
        entry = Deployment(
            "x", "gpt-4o", "2024-11-20", backend="contoso.openai.azure.com", source="az"
        )
        add_deployments(connection, [entry])
    from analytics.load import Loader as Fresh

    load(Fresh(store, loader._clock), {**strange, "event_id": event(2)["event_id"]})
    assert store.frame("SELECT model, cost > 0 FROM events WHERE cost IS NOT NULL").rows() == [
        ("gpt-4o", True)
    ]


def test_a_sku_that_is_not_known_is_to_be_mended(store: Store) -> None:
    """It would be charged as global; the settings can say what it is."""
    strange = replace(IMPORTED, sku="NextYear", deployment_type=None)
    assert found(store, strange) == [("sku", True)]
    assert found(store, strange, replace(CHAT, deployment_type="batch")) == []


def test_settings_that_the_store_does_not_know_yet(store: Store) -> None:
    """Said, so that nobody wonders why an edit changed nothing."""
    assert found(store, CHAT, configured=[replace(CHAT, region="westeurope")]) == [
        ("pending", False)
    ]
