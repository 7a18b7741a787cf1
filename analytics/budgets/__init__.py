"""Budgets: limits for money, tokens or requests, and where they stand."""

from analytics.budgets.budget import Budget, Scope
from analytics.budgets.status import Status, percent_of, statuses

__all__ = ["Budget", "Scope", "Status", "percent_of", "statuses"]
