"""The store: exactly-once loading, prices, rollups, reports. The only room that imports duckdb."""

from analytics.errors import (
    AnalyticsError,
    BadLines,
    ExportError,
    LedgerConflict,
    QueryError,
    RateCardError,
    StoreBusy,
    StoreError,
    StoreMissing,
)
from analytics.store import Store
from analytics.types import (
    Advance,
    Batch,
    Clock,
    DeadLetter,
    Deployment,
    FeedPart,
    Filters,
    LoadResult,
)

__all__ = [
    "Advance",
    "AnalyticsError",
    "BadLines",
    "Batch",
    "Clock",
    "DeadLetter",
    "Deployment",
    "ExportError",
    "FeedPart",
    "Filters",
    "LedgerConflict",
    "LoadResult",
    "QueryError",
    "RateCardError",
    "Store",
    "StoreBusy",
    "StoreError",
    "StoreMissing",
]
