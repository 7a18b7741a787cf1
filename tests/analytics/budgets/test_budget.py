"""What a budget may say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from analytics.budgets import Budget


def test_a_budget_has_sensible_defaults() -> None:
    """A name and a limit are enough: dollars a month, told at 80 and 100 % and by forecast."""
    budget = Budget(name="all", limit=Decimal(1000))
    assert (budget.measure, budget.currency, budget.period) == ("money", "USD", "monthly")
    assert budget.actual == (Decimal(80), Decimal(100))
    assert budget.forecast == (Decimal(100),)
    assert str(budget) == "everything"


@pytest.mark.parametrize("written", [19.99, "19.99"])
def test_a_limit_is_what_was_written(written: object) -> None:
    """19.99 in TOML is not 19.989999999999998436."""
    assert Budget.model_validate({"name": "a", "limit": written}).limit == Decimal("19.99")


def test_scopes_read_as_they_are_set() -> None:
    """Several scopes narrow one another and are all named."""
    budget = Budget(name="a", limit=Decimal(1), team="search", model="gpt-4o")
    assert str(budget) == "team search, model gpt-4o"


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": -5},
        {"limit": "NaN"},
        {"limit": "Infinity"},
        {"limit": True, "measure": "apples"},
        {"limit": "10.5", "measure": "tokens"},
        {"limit": 10, "currency": "dollars"},
        {"limit": 10, "period": "yearly"},
        {"limit": 10, "actual": [0]},
        {"limit": 10, "teem": "search"},
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    """It stops the start, where a budget that is silently dropped would guard nothing."""
    with pytest.raises(ValidationError):
        Budget.model_validate({"name": "a", **wrong})
