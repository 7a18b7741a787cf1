"""What was contracted for a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from analytics.quotas import Contract, Quota, contracts

if TYPE_CHECKING:
    from analytics.store import Store


def quota(**fields: Any) -> Quota:
    """A quota of the settings."""
    return Quota.model_validate({"deployment": "chat", "tokens_per_minute": 1000, **fields})


def test_a_quota_of_nothing_is_refused() -> None:
    """A table with a deployment and no rate guards nothing."""
    with pytest.raises(ValidationError, match="give tokens_per_minute"):
        Quota(deployment="chat")


def test_the_settings_say_it_for_a_store_that_does_not_know(empty_store: Store) -> None:
    """Quotas work before anything about deployments is in the store."""
    (contract,) = contracts(empty_store, [quota(backend="sweden")])
    assert contract == Contract("chat", "sweden", 1000, None, None)


def test_quotas_beside_the_deployments_are_read(empty_store: Store) -> None:
    """What the store knows of a deployment's rate counts; the settings win for the same one."""
    with empty_store.transaction() as connection:
        connection.execute(
            "INSERT INTO usage.deployments (deployment, model, backend, tokens_per_minute) VALUES "
            "('chat', 'gpt-4o', 'sweden', 50), ('mini', 'o4-mini', NULL, 70), "
            "('bare', 'o4-mini', NULL, NULL)"
        )
    found = contracts(empty_store, [quota(backend="sweden")])
    assert [(one.deployment, one.tokens_per_minute) for one in found] == [
        ("chat", 1000),
        ("mini", 70),
    ]
