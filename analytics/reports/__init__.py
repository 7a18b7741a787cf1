"""Reports: spend, throttling and latency as data frames, over hours and filters."""

from analytics.reports.health import Health, health
from analytics.reports.latency import latency
from analytics.reports.spend import spend, unconverted
from analytics.reports.split import DIMENSIONS
from analytics.reports.throttling import throttling

__all__ = ["DIMENSIONS", "Health", "health", "latency", "spend", "throttling", "unconverted"]
