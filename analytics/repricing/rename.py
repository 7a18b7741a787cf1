"""Rename: the rollups of traffic and latency follow when charges get another model or place.

A deployment whose model was not known is counted under its own name until configuration tells.
These rollups do not keep what was asked, so a row moves when everything that was counted like it
has one and the same successor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.repricing.uses import CHARGE_USE, EVENT_USE, IN_SPAN, KEY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb

_NAMES: Final = ("model", "deployment_type", "region")
_PLACE: Final = ("u_day", "u_backend", "u_deployment")
_KNOWN: Final = f"""
    CREATE OR REPLACE TEMP TABLE known_names AS
    SELECT DISTINCT {", ".join(_PLACE)}, {", ".join(f"k.{name}" for name in _NAMES)},
        {", ".join(f"s.{name} AS {name}_after" for name in _NAMES)}
    FROM (
        SELECT {CHARGE_USE}, {", ".join(_NAMES)} FROM usage.charges_hourly WHERE hour {IN_SPAN}
        UNION SELECT {EVENT_USE}, {", ".join(_NAMES)} FROM usage.events WHERE started_at {IN_SPAN}
    ) AS k JOIN uses USING ({KEY}) JOIN sheets AS s USING (sheet_id)
"""  # noqa: S608 - our own names
_ROW: Final = {
    "u_day": "epoch_us(t.hour) // 86400000000",
    "u_backend": "COALESCE(t.backend, '')",
    "u_deployment": "COALESCE(t.deployment, '')",
    **{name: f"t.{name}" for name in _NAMES},
}
_IS_NO_KNOWN_PLACE: Final = (
    f"({', '.join(_ROW[name] for name in _PLACE)}) NOT IN "  # noqa: S608 - our own names
    f"(SELECT ({', '.join(_PLACE)}) FROM known_names)"
)


def read_names(connection: duckdb.DuckDBPyConnection, since: datetime, until: datetime) -> None:
    """Note what everything is counted as and what it will be; after `find_uses`, before writing."""
    connection.execute(_KNOWN, {"since": since, "until": until})


def rename(connection: duckdb.DuckDBPyConnection, since: datetime, until: datetime) -> None:
    """Move the rows of traffic and latency to their new names."""
    span = {"since": since, "until": until}
    connection.execute(_move("traffic_hourly", (*_PLACE, *_NAMES), _NAMES), span)
    connection.execute(_move("latency_hourly", (*_PLACE, "model"), ("model",)), span)
    # Calls are counted under the place that the gateway stated, which may say less than a charge's.
    calls = _move("traffic_hourly", (*_PLACE, "model"), ("model",))
    connection.execute(f"{calls} AND t.requests IS NULL", span)
    # Calls that failed elsewhere, counted under the model of the request they were made for.
    elsewhere = _move("traffic_hourly", ("u_day", "model"), ("model",))
    connection.execute(f"{elsewhere} AND {_IS_NO_KNOWN_PLACE}", span)


def _move(table: str, by: Sequence[str], names: Sequence[str]) -> str:
    """Rename the rows that agree in `by`, where that leaves no choice."""
    sets = ", ".join(f"{name} = n.{name}_after" for name in names)
    after = ", ".join(f"any_value({name}_after) AS {name}_after" for name in names)
    one = " AND ".join(f"count(DISTINCT COALESCE({name}_after, '')) = 1" for name in names)
    moves = " OR ".join(f"{name} IS DISTINCT FROM any_value({name}_after)" for name in names)
    same = " AND ".join(f"{_ROW[name]} IS NOT DISTINCT FROM n.{name}" for name in by)
    return f"""
        UPDATE usage.{table} AS t SET {sets}
        FROM (SELECT {", ".join(by)}, {after}
              FROM known_names GROUP BY {", ".join(by)} HAVING {one} AND ({moves})) AS n
        WHERE t.hour {IN_SPAN} AND {same}
    """  # noqa: S608 - our own names
