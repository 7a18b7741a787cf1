"""The questions that the dashboard's panels ask, answered from rollups or, for short spans, events.

Reports print one slice for one filter; a page compares many slices of the same selection, with
several values a filter, in the business's own days. Both read the same tables.
"""

from analytics.panels.backends import (
    latency_over_time,
    latency_table,
    outcomes_over_time,
    traffic_over_time,
    traffic_table,
)
from analytics.panels.pipeline import Health, health, known_values, view_columns
from analytics.panels.provisioned import provisioned_over_time, provisioned_table
from analytics.panels.selection import BY, Selection
from analytics.panels.spend import (
    MonthEnd,
    Totals,
    month_end,
    spend_by_source,
    spend_over_time,
    spend_table,
    tokens_over_time,
    totals,
    unpriced,
)

__all__ = [
    "BY",
    "Health",
    "MonthEnd",
    "Selection",
    "Totals",
    "health",
    "known_values",
    "latency_over_time",
    "latency_table",
    "month_end",
    "outcomes_over_time",
    "provisioned_over_time",
    "provisioned_table",
    "spend_by_source",
    "spend_over_time",
    "spend_table",
    "tokens_over_time",
    "totals",
    "traffic_over_time",
    "traffic_table",
    "unpriced",
    "view_columns",
]
