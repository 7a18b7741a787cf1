"""What the dashboard is told when it starts; the only place that reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass

STORE_VARIABLE = "GATEMETER_STORE"
TIMEZONE_VARIABLE = "GATEMETER_TIMEZONE"


class NoStoreNamed(Exception):
    """The app was started without being told its store."""


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """Which store to show, and in which time zone a business day begins."""

    store_url: str
    timezone: str


def settings_from_environment() -> DashboardSettings:
    """Read what `gatemeter dashboard` has set.

    Raises:
        NoStoreNamed: the variable of the store is missing.
    """
    store_url = os.environ.get(STORE_VARIABLE)
    if not store_url:
        raise NoStoreNamed(
            f"{STORE_VARIABLE} is not set: start the dashboard with `gatemeter dashboard`"
        )
    return DashboardSettings(store_url, os.environ.get(TIMEZONE_VARIABLE) or "UTC")
