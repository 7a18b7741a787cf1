"""Deployments of a block that are charged by the token, too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.provisioned import ChargedTwice, charged_twice
from tests.analytics.provisioned.made_blocks import block, put_blocks
from tests.analytics.spending import add_charges, charge

if TYPE_CHECKING:
    from analytics.store import Store

HOUR = timedelta(hours=1)
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = datetime(2026, 2, 1, tzinfo=UTC)


def test_what_a_block_s_deployment_cost_by_the_token_is_found(empty_store: Store) -> None:
    """Only while the block lasts, only of its deployments, and only what cost something."""
    put_blocks(empty_store, block(deployments=("chat-ptu",), valid_from=BEGINS, valid_to=ENDS))
    add_charges(
        empty_store,
        [
            charge(BEGINS - HOUR, "1", deployment="chat-ptu", backend="sweden"),
            charge(BEGINS, "0.25", deployment="chat-ptu", backend="sweden"),
            charge(ENDS - HOUR, "0.5", deployment="chat-ptu", backend="sweden"),
            charge(ENDS - HOUR, None, deployment="chat-ptu", backend="sweden"),
            charge(BEGINS, "0", deployment="chat-ptu", backend="france"),
            charge(BEGINS, "2", deployment="chat", backend="sweden"),
            charge(ENDS, "4", deployment="chat-ptu", backend="sweden"),
        ],
    )
    twice = ChargedTwice("chat", "chat-ptu", "sweden", "USD", Decimal("0.75"))
    assert charged_twice(empty_store, BEGINS - HOUR) == [twice]
    assert charged_twice(empty_store, ENDS) == []


def test_a_block_of_one_backend_says_nothing_of_another(empty_store: Store) -> None:
    """A standard deployment of the same name elsewhere pays by the token, and only so."""
    put_blocks(empty_store, block(deployments=("chat-ptu",), valid_from=BEGINS, backend="sweden"))
    add_charges(empty_store, [charge(BEGINS, "1", deployment="chat-ptu", backend="france")])
    assert charged_twice(empty_store, BEGINS) == []
