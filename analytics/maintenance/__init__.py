"""Upkeep of a store: compaction, folding of rollups, retention."""

from analytics.maintenance.run import GRACE, Progress, Summary, maintain, tidy

__all__ = ["GRACE", "Progress", "Summary", "maintain", "tidy"]
