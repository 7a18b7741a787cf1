"""Reconciliation: our charges beside the provider's bill, and why they differ."""

from analytics.exports.reconcile.explain import CAUSES, MEANINGS
from analytics.exports.reconcile.run import Reconciliation, reconcile
from analytics.exports.reconcile.table import reconciliation_table

__all__ = ["CAUSES", "MEANINGS", "Reconciliation", "reconcile", "reconciliation_table"]
