"""Numbered steps of the store's tables; see `analytics.migrate`."""
