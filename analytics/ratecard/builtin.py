"""Rates that no price list has, each with its reason."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from analytics.ratecard.rate import METERS, Rate
from analytics.ratecard.rate_id import rate_id

SOURCE: Final = "builtin"
VERSION: Final = "1"
_ALWAYS: Final = datetime(2020, 1, 1, tzinfo=UTC)


def builtin_rates() -> list[Rate]:
    """Provisioned throughput is bought by the hour: what goes through it costs nothing more.

    What the hours cost is told by the settings' `[[provisioned]]`; a rate for `ptu` in your own
    file allocates them to tokens instead.
    """
    return [
        rate_id(
            Rate(
                rate_id="",
                model="*",
                meter=meter,
                price=Decimal(0),
                valid_from=_ALWAYS,
                deployment_type="ptu",
                source=SOURCE,
                source_version=VERSION,
                source_name="provisioned throughput is billed by the hour",
            )
        )
        for meter in METERS
    ]
