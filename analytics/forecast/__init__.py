"""Forecast: where a day, week or month will end, with an interval, from hourly amounts."""

from analytics.forecast.history import LOOK_BACK
from analytics.forecast.project import Forecast, forecast

__all__ = ["LOOK_BACK", "Forecast", "forecast"]
