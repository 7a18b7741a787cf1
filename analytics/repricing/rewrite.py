"""Rewrite: charges and events as the rate card of today has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.load.kept_sheet import TAKEN_FOR
from analytics.load.price import event_cost
from analytics.load.usage import UNKNOWN, meters_used, quantities
from analytics.repricing.differences import DIFFERS, NEW_COST
from analytics.repricing.uses import CHARGE_USE, EVENT_USE, IN_SPAN, KEY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import duckdb

    from analytics.ratecard.rate import Meter


_EVENTS: Final = f"usage.events WHERE started_at {IN_SPAN}"
_OF_SHEET: Final = ", ".join(f"{name} = s.{name}" for name in TAKEN_FOR)
_TAKEN_AFTER: Final = ", ".join(f"{name} = n.{name}_after" for name in TAKEN_FOR)
_IDENTITY: Final = ", ".join(f"s.{name} AS {name}_after" for name in TAKEN_FOR)
_NEW_CHARGES: Final = f"""
    CREATE OR REPLACE TEMP TABLE new_charges AS
    WITH charged AS (
        SELECT rowid AS row, {CHARGE_USE}, {", ".join(TAKEN_FOR)},
            meter, rate_id, unpriced_reason, quantity, cost
        FROM usage.charges_hourly WHERE hour {IN_SPAN}
    ), compared AS (
        SELECT c.row, {", ".join(f"c.{name}" for name in TAKEN_FOR)}, {_IDENTITY},
            c.rate_id, r.rate_id AS rate_id_after,
            c.unpriced_reason, r.unpriced_reason AS unpriced_reason_after,
            c.cost, {NEW_COST} AS cost_after
        FROM charged AS c JOIN uses AS u USING ({KEY}) JOIN sheets AS s USING (sheet_id)
        JOIN sheet_rates AS r ON r.sheet_id = u.sheet_id AND r.meter = c.meter
    )
    SELECT * FROM compared WHERE {DIFFERS}
"""  # noqa: S608 - our own texts


def rewrite_charges(connection: duckdb.DuckDBPyConnection, since: datetime, until: datetime) -> int:
    """Charge anew what `find_differences` found; how many rows of the rollup that were."""
    connection.execute(_NEW_CHARGES, {"since": since, "until": until})
    return _count(
        connection,
        f"""
        UPDATE usage.charges_hourly AS c
        SET {_TAKEN_AFTER}, rate_id = n.rate_id_after,
            unpriced_reason = n.unpriced_reason_after, cost = n.cost_after
        FROM new_charges AS n WHERE c.rowid = n.row
        """,  # noqa: S608 - our own texts
    )


def rewrite_events(connection: duckdb.DuckDBPyConnection, since: datetime, until: datetime) -> int:
    """Give the events of a span their cost and model of today; how many were changed.

    It looks at the events themselves, so that a run that was cut short goes on where it was.
    """
    span = {"since": since, "until": until}
    meters = meters_used(connection, _EVENTS, span)
    connection.execute(_new_events(meters), span)
    # The span says it again for the files of other days, which a row's number does not rule out.
    changed = _count(
        connection,
        f"""
        UPDATE usage.events AS e SET {_OF_SHEET}, cost = n.cost_after
        FROM new_events AS n JOIN sheets AS s USING (sheet_id)
        WHERE e.rowid = n.row AND e.started_at {IN_SPAN}
        """,  # noqa: S608 - our own texts
        span,
    )
    if changed:
        _rename_attempts(connection)
    return changed


def _new_events(meters: tuple[Meter, ...]) -> str:
    """Make `new_events`, narrow because there may be millions: row, sheet and cost of each."""
    taken = ", ".join(f"m.{name}" for name in TAKEN_FOR)
    differs = " OR ".join(f"{name} IS DISTINCT FROM {name}_after" for name in (*TAKEN_FOR, "cost"))
    return f"""
        CREATE OR REPLACE TEMP TABLE new_events AS
        WITH measured AS (
            SELECT rowid AS row, event_id, {EVENT_USE}, {", ".join(TAKEN_FOR)}, billed, cost,
                {UNKNOWN} AS usage_unknown, {quantities(meters)}
            FROM {_EVENTS}
        ), compared AS (
            SELECT row, event_id, sheet_id, {taken}, {_IDENTITY},
                cost, {event_cost(meters)} AS cost_after
            FROM measured AS m JOIN uses AS u USING ({KEY}) JOIN sheets AS s USING (sheet_id)
        )
        SELECT row, sheet_id, cost_after,
            CASE WHEN model IS DISTINCT FROM model_after THEN event_id END AS renamed
        FROM compared WHERE {differs}
    """  # noqa: S608 - our own texts


def _rename_attempts(connection: duckdb.DuckDBPyConnection) -> None:
    """Attempts are told apart by the model that their request was taken for."""
    connection.execute(
        """
        UPDATE usage.attempts AS a SET model = s.model
        FROM new_events AS n JOIN sheets AS s USING (sheet_id)
        WHERE a.event_id = n.renamed
        """
    )


def _count(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    parameters: Mapping[str, object] | None = None,
) -> int:
    return int(connection.execute(statement, parameters or {}).fetchall()[0][0])
