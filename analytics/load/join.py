"""Join: requests that another gateway logs in two records become one event, inside the commit.

Every half is kept in `feed_parts`, and what was made of the halves of a correlation id stands in
`feed_joins`. Whatever comes, the event of an id is made anew from all of its halves; when it is not
the one that is stored, that one is taken back: its rows are deleted, what it added to the rollups
is subtracted by the rates it was charged by, and the new one is appended. So order, lateness and
repetition of halves change no total.

A half that waits is found whenever the other comes. What came together before is looked for within
a day by its own time, so that a commit does not read the whole of a large store.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from analytics.horizon import read_horizon
from analytics.load.append import append_attempts, append_events
from analytics.load.deduplicate import drop_known
from analytics.load.halves import Half, put_together
from analytics.load.kept_sheet import keep_sheets, read_sheets
from analytics.load.price import price, price_as_kept
from analytics.load.rollups import append_rollups
from analytics.load.stage import stage
from analytics.load.turn import take_turn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import duckdb

    from analytics.load.halves import Verdict
    from analytics.load.keys import KeyPeriods
    from analytics.ratecard.card import RateCard
    from analytics.types import FeedPart

HOLD: Final = timedelta(minutes=10)
"""How long an answered request waits for its tokens before it is stored without them."""
_APART: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Joined:
    """How many events were made of halves, and how many of them replaced a stored one."""

    stored: int = 0
    corrected: int = 0


@dataclass(frozen=True, slots=True)
class _Made:
    """What stands in `feed_joins` for a correlation id."""

    event_id: str | None
    line: str | None
    sheet: str | None
    waiting_for: str | None
    started_us: int | None

    def is_past(self, horizon: datetime | None) -> bool:
        """Whether retention has deleted its event: nothing is taken back that cannot be stored."""
        if horizon is None or self.started_us is None:
            return False
        return _moment(self.started_us) < horizon


@dataclass(frozen=True, slots=True)
class _Halves:
    """All halves of a correlation id."""

    halves: tuple[Half, ...]
    recorded_at: datetime
    received_at: datetime


def overdue(
    connection: duckdb.DuckDBPyConnection, *, recorded_before: datetime, received_before: datetime
) -> list[str]:
    """Correlation ids whose tokens have been waited for long enough."""
    rows = connection.execute(
        "SELECT correlation_id FROM usage.feed_joins WHERE waiting_for = 'llm' "
        "AND recorded_at <= $1::TIMESTAMPTZ AND waiting_since <= $2::TIMESTAMPTZ",
        [recorded_before, received_before],
    ).fetchall()
    return [str(row[0]) for row in rows]


def join(
    connection: duckdb.DuckDBPyConnection,
    card: RateCard,
    keys: KeyPeriods,
    parts: Sequence[FeedPart],
    *,
    late: Collection[str],
    now: datetime,
) -> Joined:
    """Keep new halves and bring the events of their correlation ids up to date.

    Runs inside the store's transaction, after the batch's own events. `keys` is as fresh as the
    transaction. `late` are ids from `overdue`: what they wait for is not waited for any longer.
    """
    take_turn(connection, now)  # each of two could otherwise miss the other's half
    touched = _keep(connection, parts, now) | set(late)
    if not touched:
        return Joined()
    span = _span(connection, list(touched))
    if span is None:
        return Joined()  # another process has released them meanwhile
    known = _read_halves(connection, touched, span)
    made = _read_made(connection, touched, span)
    verdicts = {
        correlation_id: put_together(
            halves.halves,
            overdue=correlation_id in late or _is_stored(made.get(correlation_id)),
        )
        for correlation_id, halves in known.items()
    }
    horizon = read_horizon(connection)
    changed = {
        correlation_id: verdict
        for correlation_id, verdict in verdicts.items()
        if correlation_id not in made
        or (_differs(verdict, made[correlation_id]) and not made[correlation_id].is_past(horizon))
    }
    gone = [made[name] for name in changed if name in made and made[name].sheet is not None]
    _take_back(connection, keys, gone)
    stored, sheets = _append(connection, card, keys, changed, now)
    _note(connection, changed, known, sheets, span)
    return Joined(stored, min(stored, len(gone)))


def _differs(verdict: Verdict, made: _Made) -> bool:
    """Whether something else has to be noted; what is waited for counts, too."""
    return (verdict.line, verdict.waiting_for) != (made.line, made.waiting_for)


def _is_stored(made: _Made | None) -> bool:
    return made is not None and made.event_id is not None


def _keep(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[FeedPart], now: datetime
) -> set[str]:
    """Store the halves that are new; the correlation ids that got any."""
    distinct = {_part_id(part): part for part in parts}
    given = list(distinct.values())
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE new_parts AS
        SELECT unnest($1::VARCHAR[]) AS part_id, unnest($2::VARCHAR[]) AS correlation_id,
            unnest($3::VARCHAR[]) AS kind, unnest($4::VARCHAR[]) AS request_id,
            unnest($5::BIGINT[]) AS sequence, unnest($6::TIMESTAMPTZ[]) AS recorded_at,
            unnest($7::TIMESTAMPTZ[]) AS received_at, unnest($8::BOOLEAN[]) AS ready,
            unnest($9::VARCHAR[]) AS fields
        """,
        [
            list(distinct),
            [part.correlation_id for part in given],
            [part.kind for part in given],
            [part.request_id for part in given],
            [part.sequence for part in given],
            [part.recorded_at for part in given],
            [part.received_at for part in given],
            [part.ready for part in given],
            [part.fields for part in given],
        ],
    )
    if not given:
        return set()
    connection.execute(
        """
        DELETE FROM new_parts WHERE part_id IN (
            SELECT part_id FROM usage.feed_parts
            WHERE recorded_at BETWEEN $1::TIMESTAMPTZ AND $2::TIMESTAMPTZ
              AND part_id IN (SELECT part_id FROM new_parts)
        )
        """,
        [min(part.recorded_at for part in given), max(part.recorded_at for part in given)],
    )
    connection.execute(
        "INSERT INTO usage.feed_parts BY NAME "
        "SELECT *, $1::TIMESTAMPTZ AS stored_at FROM new_parts",
        [now],
    )
    rows = connection.execute("SELECT DISTINCT correlation_id FROM new_parts").fetchall()
    return {str(row[0]) for row in rows}


def _part_id(part: FeedPart) -> str:
    text = "\0".join(
        (
            part.correlation_id,
            part.kind,
            part.request_id,
            str(part.sequence),
            str(part.ready),
            part.recorded_at.isoformat(),
            part.fields,
        )
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _read_halves(
    connection: duckdb.DuckDBPyConnection,
    correlation_ids: Collection[str],
    span: tuple[datetime, datetime],
) -> dict[str, _Halves]:
    rows = connection.execute(
        """
        SELECT correlation_id, kind, request_id, sequence, ready, fields,
            epoch_us(recorded_at), epoch_us(received_at)
        FROM usage.feed_parts
        WHERE correlation_id IN (SELECT unnest($1::VARCHAR[]))
          AND recorded_at BETWEEN $2::TIMESTAMPTZ AND $3::TIMESTAMPTZ
        """,
        [list(correlation_ids), *span],
    ).fetchall()
    grouped: dict[str, list[tuple[Half, datetime, datetime]]] = {}
    for row in rows:
        grouped.setdefault(str(row[0]), []).append(
            (Half(*row[1:6]), _moment(row[6]), _moment(row[7]))
        )
    return {
        correlation_id: _Halves(
            tuple(half for half, _, _ in one),
            min(recorded for _, recorded, _ in one),
            min(received for _, _, received in one),
        )
        for correlation_id, one in grouped.items()
    }


def _span(
    connection: duckdb.DuckDBPyConnection, correlation_ids: list[str]
) -> tuple[datetime, datetime] | None:
    """When the halves of these ids were recorded, those kept just now included.

    None when nothing is left to do for any of them.
    """
    first, last = connection.execute(
        """
        SELECT epoch_us(min(recorded_at)), epoch_us(max(recorded_at)) FROM (
            SELECT recorded_at FROM new_parts
            UNION ALL
            SELECT recorded_at FROM usage.feed_joins
            WHERE correlation_id IN (SELECT unnest($1::VARCHAR[])) AND waiting_for IS NOT NULL
        )
        """,
        [correlation_ids],
    ).fetchall()[0]
    return None if first is None else (_moment(first) - _APART, _moment(last) + _APART)


def _read_made(
    connection: duckdb.DuckDBPyConnection,
    correlation_ids: Collection[str],
    span: tuple[datetime, datetime],
) -> dict[str, _Made]:
    rows = connection.execute(
        """
        SELECT correlation_id, event_id, line, sheet, waiting_for, epoch_us(started_at)
        FROM usage.feed_joins
        WHERE correlation_id IN (SELECT unnest($1::VARCHAR[]))
          AND recorded_at BETWEEN $2::TIMESTAMPTZ AND $3::TIMESTAMPTZ
        """,
        [list(correlation_ids), *span],
    ).fetchall()
    return {str(row[0]): _Made(*row[1:]) for row in rows}


def _take_back(
    connection: duckdb.DuckDBPyConnection, keys: KeyPeriods, gone: Sequence[_Made]
) -> None:
    """Remove events, and subtract what they added to the rollups.

    Their lines are as the gateway wrote them; where their key was given to another team since,
    their rows were moved there, and are subtracted there.
    """
    lines = {made.event_id: made for made in gone if made.line and made.sheet and made.event_id}
    if not lines:
        return
    kept = _ndjson(made.line for made in lines.values() if made.line)
    stage(connection, kept, validated=True)
    keys.apply("staged")
    sheets = read_sheets(
        connection, {name: made.sheet for name, made in lines.items() if made.sheet}
    )
    append_rollups(connection, price_as_kept(connection, sheets).meters, sign=-1)
    first, last = connection.execute(
        "SELECT epoch_us(min(started)), epoch_us(max(started)) FROM facts"
    ).fetchall()[0]
    for table in ("events", "attempts"):
        connection.execute(
            f"DELETE FROM usage.{table} WHERE event_id IN (SELECT event_id FROM facts) "  # noqa: S608 - our own names
            "AND started_at BETWEEN $1::TIMESTAMPTZ AND $2::TIMESTAMPTZ",
            [_moment(first), _moment(last) + _APART],
        )


def _append(
    connection: duckdb.DuckDBPyConnection,
    card: RateCard,
    keys: KeyPeriods,
    changed: dict[str, Verdict],
    now: datetime,
) -> tuple[int, dict[str, str]]:
    """Store the events that are whole now; how many, and their sheets by event id."""
    lines = [verdict.line for verdict in changed.values() if verdict.line is not None]
    if not lines:
        return 0, {}
    stage(connection, _ndjson(lines), validated=True)
    keys.apply("staged")
    priced = price(connection, card)
    drop_known(connection)
    # Only of what is stored here: an event that was there already is not ours to take back.
    sheets = keep_sheets(connection, priced.sheets)
    stored = append_events(connection, now)
    append_attempts(connection)
    append_rollups(connection, priced.meters)
    return stored, sheets


def _note(
    connection: duckdb.DuckDBPyConnection,
    changed: dict[str, Verdict],
    known: dict[str, _Halves],
    sheets: dict[str, str],
    span: tuple[datetime, datetime],
) -> None:
    """Write down what was made of each correlation id, or what it waits for."""
    if not changed:
        return
    names = list(changed)
    connection.execute(
        "DELETE FROM usage.feed_joins WHERE correlation_id IN (SELECT unnest($1::VARCHAR[])) "
        "AND recorded_at BETWEEN $2::TIMESTAMPTZ AND $3::TIMESTAMPTZ",
        [names, *span],
    )
    ids = [_field(verdict.line, "event_id") for verdict in changed.values()]
    connection.execute(
        """
        INSERT INTO usage.feed_joins BY NAME
        SELECT unnest($1::VARCHAR[]) AS correlation_id, unnest($2::TIMESTAMPTZ[]) AS recorded_at,
            unnest($3::VARCHAR[]) AS waiting_for, unnest($4::TIMESTAMPTZ[]) AS waiting_since,
            unnest($5::VARCHAR[]) AS event_id, unnest($6::VARCHAR[])::TIMESTAMPTZ AS started_at,
            unnest($7::VARCHAR[]) AS line, unnest($8::VARCHAR[]) AS sheet
        """,
        [
            names,
            [known[name].recorded_at for name in names],
            [verdict.waiting_for for verdict in changed.values()],
            [known[name].received_at for name in names],
            ids,
            [_field(verdict.line, "started_at") for verdict in changed.values()],
            [verdict.line for verdict in changed.values()],
            [sheets.get(event_id) if event_id else None for event_id in ids],
        ],
    )


def _field(line: str | None, name: str) -> str | None:
    return None if line is None else str(json.loads(line)[name])


def _ndjson(lines: Iterable[str]) -> bytes:
    return b"".join(line.encode() + b"\n" for line in lines)


def _moment(microseconds: int) -> datetime:
    # DuckDB hands out times only together with a package of time zones.
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
