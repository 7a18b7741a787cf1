"""By which rates a stored event was charged, kept so that its charges can be taken back exactly.

Prices and settings may have changed since; what is taken back must be what was added.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from analytics.ratecard.rate import Meter


@dataclass(frozen=True, slots=True)
class KeptRate:
    """The part of a rate that charges name."""

    rate_id: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class KeptSheet:
    """A sheet of the rate card as it was when an event was charged by it."""

    model: str | None
    model_version: str | None
    deployment_type: str | None
    region: str | None
    rates: Mapping[Meter, KeptRate] = field(default_factory=dict)
    reasons: Mapping[Meter, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `keep_sheets` wrote."""
        kept = json.loads(text)
        meters = kept["meters"]
        return cls(
            model=kept["model"],
            model_version=kept["model_version"],
            deployment_type=kept["deployment_type"],
            region=kept["region"],
            rates={
                one["meter"]: KeptRate(one["rate_id"], Decimal(one["price"]))
                for one in meters
                if one["rate_id"] is not None
            },
            reasons={one["meter"]: one["reason"] for one in meters if one["reason"] is not None},
        )


def keep_sheets(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """By event id, the sheet that each of `facts` is charged by, as text."""
    rows = connection.execute(
        """
        SELECT f.event_id, any_value(s.model), any_value(s.model_version),
            any_value(s.deployment_type), any_value(s.region),
            list({meter: r.meter, rate_id: r.rate_id, price: r.price::VARCHAR,
                  reason: r.unpriced_reason})
        FROM facts AS f JOIN sheets AS s USING (sheet_id) JOIN sheet_rates AS r USING (sheet_id)
        GROUP BY f.event_id
        """
    ).fetchall()
    return {
        row[0]: json.dumps(
            {
                "model": row[1],
                "model_version": row[2],
                "deployment_type": row[3],
                "region": row[4],
                "meters": row[5],
            }
        )
        for row in rows
    }
