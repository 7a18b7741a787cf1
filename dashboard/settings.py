"""What the dashboard is told when it starts; the only place that reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

STORE_VARIABLE = "GATEMETER_STORE"
TIMEZONE_VARIABLE = "GATEMETER_TIMEZONE"
CURRENCY_VARIABLE = "GATEMETER_CURRENCY"
EXCHANGE_RATES_VARIABLE = "GATEMETER_EXCHANGE_RATES_FILE"


class NoStoreNamed(Exception):
    """The app was started without being told its store."""


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """Which store to show, in which time zone a business day begins, and what money is shown in."""

    store_url: str
    timezone: str
    currency: str = "USD"
    exchange_rates_file: Path | None = None
    """Named where a rate is missing; never read here."""


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
    rates = os.environ.get(EXCHANGE_RATES_VARIABLE)
    return DashboardSettings(
        store_url,
        os.environ.get(TIMEZONE_VARIABLE) or "UTC",
        os.environ.get(CURRENCY_VARIABLE) or "USD",
        Path(rates) if rates else None,
    )
