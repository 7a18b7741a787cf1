"""Spend budgets as a policy: deny, warn or downgrade once a budget of the caller is used up."""

from gateway_hooks.gateway.budgets.hook import SpendBudgets
from gateway_hooks.gateway.budgets.settings import BudgetEnforcement
from gateway_hooks.gateway.budgets.state import BudgetState, EnforcedBudget

__all__ = ["BudgetEnforcement", "BudgetState", "EnforcedBudget", "SpendBudgets"]
