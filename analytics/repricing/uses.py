"""What a period's charges and events asked of the rate card, and what it answers today.

A use is everything that the choice of a rate depends on, the UTC day included. Charges keep it in
columns of their own and events have it in theirs, so both are priced by one small table.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from analytics.load.kept_sheet import KeptSheet
from analytics.load.price import LONG_CONTEXT_TOKENS, sheet_rate_table, sheet_table
from analytics.ratecard.card import STANDARD_TIERS
from analytics.ratecard.rate import METERS, Use

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from analytics.ratecard.card import RateCard

_DAY_SECONDS: Final = 86_400
_SAME: Final = (
    "backend", "request_model", "response_model", "image_size", "image_quality", "stated_type",
    "stated_region",
)  # fmt: skip
_TIERS: Final = ", ".join(f"'{tier}'" for tier in sorted(STANDARD_TIERS))
_OF_CHARGES: Final = {
    "day": "epoch_us(hour) // 86400000000",
    "deployment": "COALESCE(deployment, '')",
    "service_tier": "COALESCE(service_tier, 'standard')",
    "context_tier": "COALESCE(context_tier, 'standard')",
    **{name: f"COALESCE({name}, '')" for name in _SAME},
}
_OF_EVENTS: Final = {
    **_OF_CHARGES,
    "day": "epoch_us(started_at) // 86400000000",
    "deployment": "COALESCE(billed_deployment, '')",
    "service_tier": (
        f"CASE WHEN lower(COALESCE(service_tier, '')) IN ({_TIERS}) THEN 'standard' "
        "ELSE lower(service_tier) END"
    ),
    "context_tier": (
        f"CASE WHEN COALESCE(input_tokens > {LONG_CONTEXT_TOKENS}, FALSE) THEN 'long' "
        "ELSE 'standard' END"
    ),
}
CHARGE_USE: Final = ", ".join(f"{sql} AS u_{name}" for name, sql in _OF_CHARGES.items())
"""Select list of a charge's use, over `charges_hourly`."""
EVENT_USE: Final = ", ".join(f"{sql} AS u_{name}" for name, sql in _OF_EVENTS.items())
"""The same over `events`."""
KEY: Final = ", ".join(f"u_{name}" for name in _OF_CHARGES)
"""The columns of both, to join with the temporary table `uses` by."""
IN_SPAN: Final = "BETWEEN $since::TIMESTAMPTZ AND $until::TIMESTAMPTZ - INTERVAL 1 MICROSECOND"


def find_uses(
    connection: duckdb.DuckDBPyConnection, since: datetime, until: datetime, card: RateCard
) -> None:
    """Make `uses`, `sheets` and `sheet_rates` for whole UTC days."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE uses AS
        SELECT (row_number() OVER () - 1)::INTEGER AS sheet_id, *
        FROM (SELECT {CHARGE_USE} FROM usage.charges_hourly WHERE hour {IN_SPAN}
              UNION SELECT {EVENT_USE} FROM usage.events WHERE started_at {IN_SPAN})
        """,  # noqa: S608 - our own texts
        {"since": since, "until": until},
    )
    rows = connection.execute("SELECT * FROM uses ORDER BY sheet_id").to_arrow_table().to_pylist()
    uses = [_use(row) for row in rows]
    sheets = [KeptSheet.of(use, card.sheet(use)) for use in uses]
    keys = [str(number) for number in range(len(sheets))]
    connection.register("sheets", sheet_table(keys, sheets, METERS))
    connection.register("sheet_rates", sheet_rate_table(sheets, METERS))


def days_used(connection: duckdb.DuckDBPyConnection) -> list[datetime]:
    """The UTC days of `uses`, in order."""
    rows = connection.execute("SELECT DISTINCT u_day FROM uses ORDER BY u_day").fetchall()
    return [_day(row[0]) for row in rows]


def _day(number: int) -> datetime:
    return datetime.fromtimestamp(number * _DAY_SECONDS, UTC)


def _use(row: Mapping[str, Any]) -> Use:
    texts = {name: row[f"u_{name}"] or None for name in _OF_CHARGES if name != "day"}
    return Use(
        at=_day(row["u_day"]),
        deployment=texts["deployment"],
        backend=texts["backend"],
        response_model=texts["response_model"],
        request_model=texts["request_model"],
        deployment_type=texts["stated_type"],
        region=texts["stated_region"],
        service_tier=texts["service_tier"],
        long_context=texts["context_tier"] == "long",
        image_size=texts["image_size"],
        image_quality=texts["image_quality"],
    )
