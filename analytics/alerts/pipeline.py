"""Alerts of the pipeline: models that no rate covers, lines that were no events, and silence."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from analytics.alerts.alert import Alert
from analytics.alerts.wording import moment
from analytics.business_days import period_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from analytics.alerts.rules import AlertRules
    from analytics.store import Store

_UNPRICED_SINCE: Final = timedelta(days=7)
_UNPRICED: Final = """
    WITH asked AS (
        SELECT COALESCE(model, '(unknown)') AS name, sum(unpriced_requests)::BIGINT AS requests
        FROM unpriced_requests_hourly WHERE hour >= $since GROUP BY ALL
    ), reasons AS (
        SELECT COALESCE(model, '(unknown)') AS name, unpriced_reason AS reason
        FROM charges WHERE cost IS NULL AND hour >= $since
        GROUP BY ALL HAVING sum(quantity) <> 0
    )
    SELECT name, min(reason), requests FROM asked LEFT JOIN reasons USING (name)
    GROUP BY name, requests ORDER BY name
"""


def pipeline_alerts(
    store: Store,
    rules: AlertRules,
    *,
    now: datetime,
    timezone: str,
    channels: tuple[str, ...] = (),
) -> list[Alert]:
    """What `rules` ask for of the three."""
    zone = ZoneInfo(timezone)
    found: list[Alert] = []
    if rules.unpriced:
        found += _unpriced(store, now, channels)
    if rules.dead_letters:
        found += _dead_letters(store, now, zone, channels)
    if rules.silent_minutes is not None:
        found += _silence(store, now, zone, timedelta(minutes=rules.silent_minutes), channels)
    return found


def _unpriced(store: Store, now: datetime, channels: tuple[str, ...]) -> Iterator[Alert]:
    """One alert for each model, once; until it has a rate, the pages and reports show it."""
    rows = store.frame(_UNPRICED, {"since": now - _UNPRICED_SINCE})
    for model, reason, requests in rows.iter_rows():
        why = (reason or "unknown").replace("_", " ")
        yield Alert(
            kind="unpriced",
            subject=model,
            period="",
            threshold="",
            title=f"No rate covers {model}",
            text=f"{requests:,} requests of the last seven days to {model} are not, or not wholly, "
            f"in the spend ({why}). Add rates: gatemeter rates import",
            channels=channels,
            facts={"model": model, "reason": why, "requests": str(requests)},
        )


def _dead_letters(
    store: Store, now: datetime, zone: ZoneInfo, channels: tuple[str, ...]
) -> Iterator[Alert]:
    day = period_at("daily", now, zone)
    lines = store.frame(
        "SELECT count(*) FROM dead_letters WHERE stored_at >= $since AND replayed_at IS NULL",
        {"since": day.since},
    ).item()
    if lines:
        yield Alert(
            kind="pipeline",
            subject="dead letters",
            period=day.name,
            threshold="",
            title="Lines that were no events",
            text=f"{lines:,} lines could not be stored on {day.name}. "
            "See which and why: gatemeter dead-letters list",
            channels=channels,
            facts={"dead_letters": str(lines)},
        )


def _silence(
    store: Store, now: datetime, zone: ZoneInfo, longest: timedelta, channels: tuple[str, ...]
) -> Iterator[Alert]:
    last = store.frame("SELECT last_commit_at FROM pipeline_health").item()
    if last is not None and now - last > longest:
        yield Alert(
            kind="pipeline",
            subject="silence",
            period=last.astimezone(UTC).isoformat(),
            threshold="",
            title="Nothing is being stored",
            text=f"The store has taken in nothing since {moment(last, zone)}: spend, budgets and "
            "quotas are as of then. Look for the reason: gatemeter doctor",
            channels=channels,
            facts={"last_commit_at": last.astimezone(UTC).isoformat()},
        )
