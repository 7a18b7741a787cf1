"""Budgets: limits for money, tokens or requests, and where they stand."""

from analytics.budgets.budget import Budget, Scope
from analytics.budgets.published import Published, published
from analytics.budgets.status import Status, percent_of, statuses

__all__ = ["Budget", "Published", "Scope", "Status", "percent_of", "published", "statuses"]
