"""What is known of the budgets, whatever happens to the file."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest

from gateway_hooks.gateway.budgets import BudgetState
from gateway_hooks.known_caller import KnownCaller
from tests.gateway_hooks.gateway.budgets.conftest import StateFile
from tests.gateway_hooks.gateway.conftest import FakeClock

ANNA = KnownCaller("k_1", key_name="anna", team="search")


@pytest.fixture
def state(published: StateFile, clock: FakeClock) -> BudgetState:
    """A reader of the file; ten minutes make it stale."""
    return BudgetState(published.path, clock, stale_seconds=600)


def names(state: BudgetState) -> list[str]:
    """The budgets in force."""
    return [budget.name for budget in state.budgets()]


def test_a_new_state_is_seen_within_a_second(
    state: BudgetState, published: StateFile, clock: FakeClock
) -> None:
    """What is published counts soon; within a second the file is not looked at again."""
    assert (names(state), state.is_known, state.is_stale) == ([], False, True)
    published.write(published.budget(name="one"))
    assert (names(state), state.is_known, state.is_stale) == (["one"], True, False)
    published.write(published.budget(name="two"))
    clock.now_ns -= 1_001_000_000
    assert names(state) == ["one"]
    clock.advance_ms(1001)
    assert names(state) == ["two"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 2, "written_at": "2030-01-01T00:00:00Z", "budgets": []}',
        '{"version": 1, "written_at": "x", "budgets": []}',
        '{"version": 1, "written_at": "2030-01-01T00:00:00Z", "budgets": [{"name": "secret"}]}',
    ],
)
def test_garbage_leaves_the_last_state_in_force(
    state: BudgetState, published: StateFile, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """Half a file opens no budget; the log says so once and quotes nothing of it."""
    published.write(published.budget())
    assert names(state) == ["b"]
    published.write_text(text)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert (names(state), state.is_stale) == (["b"], False)
            state._clock.advance_ms(1001)  # type: ignore[attr-defined] # the test's clock
    (record,) = caplog.records
    assert "secret" not in record.getMessage()
    published.write()
    assert names(state) == []


def test_a_file_that_goes_grows_stale(
    state: BudgetState, published: StateFile, clock: FakeClock
) -> None:
    """Without news the last state holds, until it is too old to be relied upon."""
    published.write(published.budget())
    assert names(state) == ["b"]
    published.path.unlink()
    clock.advance_ms(598_000)
    assert (names(state), state.is_stale) == (["b"], False)
    clock.advance_ms(2000)
    assert (names(state), state.is_stale, state.is_known) == (["b"], True, True)


def test_a_period_that_is_over_is_not_enforced(
    state: BudgetState, published: StateFile, clock: FakeClock
) -> None:
    """On the first of the month everybody may begin, though nobody has published yet."""
    until = (published.now + timedelta(minutes=5)).isoformat()
    published.write(published.budget(until=until))
    assert names(state) == ["b"]
    clock.advance_ms(299_000)
    assert names(state) == []


def test_amounts_are_exact(state: BudgetState, published: StateFile) -> None:
    """A fraction below the limit is below it, in as many digits as there are."""
    near = published.budget(name="near", used="99." + "9" * 18)
    published.write(near, published.budget(used="100.000000000000000000"))
    assert [budget.is_used_up for budget in state.budgets()] == [False, True]


@pytest.mark.parametrize(
    ("scope", "caller", "deployment", "expected"),
    [
        ({}, None, None, True),
        ({"key": "anna"}, ANNA, "gpt-4o", True),
        ({"key": "k_1"}, ANNA, "gpt-4o", True),
        ({"key": "bert"}, ANNA, "gpt-4o", False),
        ({"key": "anna"}, None, "gpt-4o", False),
        ({"team": "search"}, ANNA, "gpt-4o", True),
        ({"team": "sales"}, ANNA, "gpt-4o", False),
        ({"team": "search"}, None, "gpt-4o", False),
        ({"team": "search"}, KnownCaller("k_2"), "gpt-4o", False),
        ({"deployments": ["gpt-4o", "big"]}, None, "big", True),
        ({"deployments": ["gpt-4o"]}, ANNA, "mini", False),
        ({"deployments": ["gpt-4o"]}, ANNA, None, False),
        ({"deployments": []}, ANNA, "gpt-4o", False),
        ({"team": "search", "deployments": ["gpt-4o"]}, ANNA, "gpt-4o", True),
        ({"team": "search", "deployments": ["gpt-4o"]}, ANNA, "mini", False),
        ({"team": "search", "key": "bert"}, ANNA, "gpt-4o", False),
    ],
)
def test_a_budget_concerns_its_scope_only(
    state: BudgetState,
    published: StateFile,
    scope: dict[str, object],
    caller: KnownCaller | None,
    deployment: str | None,
    *,
    expected: bool,
) -> None:
    """By name or id of the key, by team, by deployment; several narrow one another."""
    published.write(published.budget(**scope))
    (budget,) = state.budgets()
    assert budget.concerns(caller, {deployment} - {None}) is expected  # type: ignore[arg-type] # none is None


def test_fields_that_it_does_not_know_are_no_fault(
    state: BudgetState, published: StateFile
) -> None:
    """Fields that a later version adds do not stop an older gateway."""
    published.write(published.budget(burn_rate="3"), note="new")
    assert json.loads(published.path.read_text())["note"] == "new"
    assert names(state) == ["b"]
