"""Deliveries: which alert went where. Each is handed over once, also by several processes.

A delivery is a row of `alert_deliveries`. Before a process sends, it claims the row: an UPDATE that
changes it only from the state that it was read in, in a transaction of its own. Of two processes
that claim one row the store commits one. Then the message is sent, and its success is committed.

- A process that ends between claim and commit leaves the claim behind; it runs out after `LEASE`
  and the message is sent again, with the same id, because nobody knows whether it had arrived.
- A row that is delivered is never claimed again.
- Two INSERTs never collide in the store, so whoever adds rows also updates the row without a name:
  then two who add the same alert do collide.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import duckdb
    import polars as pl

    from analytics.alerts.alert import Alert
    from analytics.store import Store

DeliveryState = Literal["waiting", "sending", "delivered", "superseded", "noted", "given up"]
LEASE: Final = timedelta(minutes=5)
"""Longer than any channel may take to send."""
FIRST_RETRY: Final = timedelta(seconds=30)
LAST_RETRY: Final = timedelta(hours=1)
GIVE_UP: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that waits to be sent."""

    alert_id: str
    channel: str
    title: str
    payload: str
    raised_at: datetime
    attempts: int
    """How often it was tried before."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one delivery, until it runs out."""

    due: Due
    token: str


def unknown(store: Store, alerts: Sequence[Alert]) -> list[Alert]:
    """Those that the store does not have yet, once for each channel it lacks."""
    cursor = store.cursor()
    try:
        return [alert for alert, _ in _new(cursor, alerts)]
    finally:
        cursor.close()


def keep(store: Store, alerts: Sequence[Alert], now: datetime) -> list[Alert]:
    """Add deliveries for alerts that the store does not have; those added, once a channel.

    An alert without channels is noted, so that the history has it.

    Raises:
        StoreBusy: somebody else was writing; try again.
    """
    if not unknown(store, alerts):
        return []
    with store.transaction() as connection:
        connection.execute(
            "UPDATE usage.alert_deliveries SET attempts = attempts + 1 WHERE alert_id = ''"
        )
        added = _new(connection, alerts)
        for alert, channel in added:
            state: DeliveryState = (
                "superseded" if alert.superseded else "waiting" if channel else "noted"
            )
            connection.execute(
                "INSERT INTO usage.alert_deliveries (alert_id, channel, kind, subject, period, "
                "title, payload, raised_at, state, attempts, next_attempt_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
                [
                    alert.alert_id, channel, alert.kind, alert.subject, alert.period,
                    alert.title, alert.payload(now), now, state, now,
                ],
            )  # fmt: skip
    return [alert for alert, _ in added]


def due(store: Store, now: datetime) -> list[Due]:
    """What is to be sent at `now`, the longest due first; also what a dead process had claimed."""
    rows = store.frame(
        "SELECT alert_id, channel, title, payload, raised_at, attempts "
        "FROM usage.alert_deliveries WHERE (state = 'waiting' AND next_attempt_at <= $now) "
        "OR (state = 'sending' AND claimed_until <= $now) "
        "ORDER BY next_attempt_at, raised_at, alert_id, channel",
        {"now": now},
    ).rows()
    return [Due(*row) for row in rows]


def claim(store: Store, wanted: Due, now: datetime) -> Claim | None:
    """Take a delivery on; None when somebody else has it or has sent it.

    Raises:
        StoreBusy: somebody else was writing; try again.
    """
    token = uuid.uuid4().hex
    with store.transaction() as connection:
        taken = connection.execute(
            "UPDATE usage.alert_deliveries SET state = 'sending', claim = $token, "
            "claimed_until = $until, attempts = attempts + 1 "
            "WHERE alert_id = $alert AND channel = $channel AND attempts = $attempts "
            "AND (state = 'waiting' OR (state = 'sending' AND claimed_until <= $now))",
            {
                "token": token,
                "until": now + LEASE,
                "alert": wanted.alert_id,
                "channel": wanted.channel,
                "attempts": wanted.attempts,
                "now": now,
            },
        ).fetchall()
    return Claim(wanted, token) if taken == [(1,)] else None


def delivered(store: Store, held: Claim, now: datetime) -> None:
    """Commit that it was sent; also when the claim has run out meanwhile, because it was.

    Raises:
        StoreBusy: somebody else was writing; try again.
    """
    with store.transaction() as connection:
        connection.execute(
            "UPDATE usage.alert_deliveries SET state = 'delivered', delivered_at = ?, "
            "last_error = NULL WHERE alert_id = ? AND channel = ? AND state <> 'delivered'",
            [now, held.due.alert_id, held.due.channel],
        )


def failed(store: Store, held: Claim, reason: str, now: datetime) -> None:
    """Commit that it was not sent, and when to try again; after `GIVE_UP` it is not tried again.

    Raises:
        StoreBusy: somebody else was writing; try again.
    """
    over = now - held.due.raised_at >= GIVE_UP
    state: DeliveryState = "given up" if over else "waiting"
    with store.transaction() as connection:
        connection.execute(
            "UPDATE usage.alert_deliveries SET state = ?, next_attempt_at = ?, last_error = ? "
            "WHERE alert_id = ? AND channel = ? AND claim = ? AND state = 'sending'",
            [
                state, now + back_off(held.due.attempts), reason,
                held.due.alert_id, held.due.channel, held.token,
            ],
        )  # fmt: skip


def back_off(failures: int) -> timedelta:
    """How long to wait after so many failures before this one: doubled each time, up to an hour."""
    return min(FIRST_RETRY * (1 << min(failures, 16)), LAST_RETRY)


def history(store: Store, limit: int) -> pl.DataFrame:
    """The newest alerts and what became of them, without what was sent."""
    return store.frame(
        "SELECT raised_at, kind, subject, period, title, channel, state, attempts, delivered_at, "
        "CASE WHEN state = 'waiting' THEN next_attempt_at END AS next_attempt_at, last_error, "
        "alert_id FROM alert_deliveries WHERE alert_id <> '' "
        "ORDER BY raised_at DESC, alert_id, channel LIMIT $limit",
        {"limit": limit},
    )


def _new(connection: duckdb.DuckDBPyConnection, alerts: Sequence[Alert]) -> list[tuple[Alert, str]]:
    wanted = {
        (alert.alert_id, channel): alert
        for alert in alerts
        for channel in (alert.channels or ("",))
    }
    if not wanted:
        return []
    rows = connection.execute(
        "SELECT alert_id, channel FROM usage.alert_deliveries WHERE list_contains($ids, alert_id)",
        {"ids": [alert.alert_id for alert in alerts]},
    ).fetchall()
    there = set(rows)
    return [(alert, place[1]) for place, alert in wanted.items() if place not in there]
