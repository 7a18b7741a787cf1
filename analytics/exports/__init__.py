"""Exports: FOCUS files, chargeback and the reconciliation with the provider's bill."""
