"""Anomaly alerts: an hour that was far dearer than the same hour of the week usually is.

Usual is the median of the six weeks before, far is counted in median absolute deviations: neither
moves when one of the weeks was unusual itself. Only hours that have ended a while ago are judged,
each as a whole and by when its requests began, so neither an hour that is half stored nor a
backlog that is stored at once looks like a spike.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from analytics.alerts.alert import Alert
from analytics.alerts.wording import amount, moment, plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal as Money

    from analytics.alerts.rules import AlertRules, AnomalyBy
    from analytics.store import Store

WEEKS: Final = 6
_HOURS_JUDGED: Final = 6
_SETTLED: Final = timedelta(minutes=10)
_HOUR: Final = timedelta(hours=1)
_WEEK: Final = timedelta(weeks=1)
_NORMAL: Final = Decimal("1.4826")
"""A median absolute deviation times this is a standard deviation, where errors are normal."""
_JUDGED: Final = "cost IS NOT NULL AND meter <> 'provisioned'"
"""What is paid for capacity is the same every hour; whoever is alone in one bears more of it."""
_IDS: Final[Mapping[AnomalyBy, str]] = {
    # Not by its name: a key that is renamed keeps its history, and idle capacity is nobody's.
    "key": "key_id",
    "team": "team",
    "deployment": "deployment",
}
_NAMES: Final[Mapping[AnomalyBy, str]] = {
    "key": "COALESCE(arg_max(key_name, hour), key_id)",
    "team": "team",
    "deployment": "deployment",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What a series is called by now, and when it began within the weeks that count."""

    name: str
    first: datetime


@dataclass(frozen=True, slots=True)
class Series:
    """Whose spend it is, in which currency; a key by its id."""

    by: AnomalyBy
    whose: str
    currency: str


def anomaly_alerts(
    store: Store,
    rules: AlertRules,
    *,
    now: datetime,
    timezone: str,
    channels: tuple[str, ...] = (),
) -> list[Alert]:
    """Hours of unusual spend among the last ones that have ended, once a name and business day."""
    zone = ZoneInfo(timezone)
    last = (now - _SETTLED).astimezone(UTC).replace(minute=0, second=0, microsecond=0) - _HOUR
    judged = [last - back * _HOUR for back in range(_HOURS_JUDGED)]
    before = {
        hour: [weeks_ago(hour, weeks, zone) for weeks in range(1, WEEKS + 1)] for hour in judged
    }
    found: dict[tuple[Series, str], Alert] = {}
    for by in rules.anomaly_by:
        amounts = _amounts(store, by, judged + [hour for past in before.values() for hour in past])
        known = _known(store, by, now - (WEEKS + 1) * _WEEK)
        for series, hours in amounts.items():
            for hour in judged:
                past = [
                    hours.get(then, Decimal(0))
                    for then in before[hour]
                    if then >= known[series].first
                ]
                spent = hours.get(hour, Decimal(0))
                usual = unusual(spent, past, rules)
                if usual is not None:
                    alert = _alert(series, known[series].name, hour, zone, spent=spent, usual=usual)
                    found.setdefault((series, alert.period), replace(alert, channels=channels))
    return list(found.values())


def unusual(spent: Money, past: list[Money], rules: AlertRules) -> Money | None:
    """What is usual, when `spent` is far from it; None when it is not, or nobody can say."""
    if len(past) < rules.anomaly_weeks:
        return None
    usual = statistics.median(past)
    deviation = _NORMAL * statistics.median(abs(one - usual) for one in past)
    # At least twice the usual: where every week is the same, every cent would be far from it.
    far = max(rules.anomaly_deviations * deviation, usual, rules.anomaly_smallest)
    return usual if spent - usual > far else None


def weeks_ago(hour: datetime, weeks: int, zone: ZoneInfo) -> datetime:
    """The same hour of the week by the business's clock, so many weeks before, in UTC."""
    wall = hour.astimezone(zone).replace(tzinfo=None) - weeks * _WEEK
    then = wall.replace(tzinfo=zone).astimezone(UTC)
    return then.replace(minute=0, second=0, microsecond=0)


def _amounts(
    store: Store, by: AnomalyBy, hours: list[datetime]
) -> dict[Series, dict[datetime, Money]]:
    rows = store.ask(
        f"SELECT {_IDS[by]} AS whose, currency, hour, sum(cost) FROM charges "  # noqa: S608 - our own names
        f"WHERE list_contains($hours, hour) AND hour >= $since AND {_JUDGED} "
        "GROUP BY ALL HAVING whose IS NOT NULL AND sum(cost) <> 0",
        {"hours": hours, "since": min(hours)},
    ).rows()
    found: dict[Series, dict[datetime, Money]] = {}
    for whose, currency, hour, cost in rows:
        found.setdefault(Series(by, whose, currency), {})[hour] = cost
    return found


def _known(store: Store, by: AnomalyBy, since: datetime) -> dict[Series, Known]:
    rows = store.ask(
        f"SELECT {_IDS[by]} AS whose, currency, {_NAMES[by]} AS name, min(hour) FROM charges "  # noqa: S608 - our own names
        f"WHERE hour >= $since AND {_JUDGED} GROUP BY {_IDS[by]}, currency "
        "HAVING whose IS NOT NULL",
        {"since": since},
    ).rows()
    return {
        Series(by, whose, currency): Known(name, first) for whose, currency, name, first in rows
    }


def _alert(
    series: Series, name: str, hour: datetime, zone: ZoneInfo, *, spent: Money, usual: Money
) -> Alert:
    who = f"{series.by} {name}"
    return Alert(
        kind="anomaly",
        subject=f"{series.by} {series.whose}",
        period=hour.astimezone(zone).date().isoformat(),
        threshold=series.currency,
        title=f"Unusual spend: {who}",
        text=f"{who} spent {amount(spent, series.currency)} in the hour from "
        f"{moment(hour, zone)}; at this hour of the week "
        f"{amount(usual, series.currency)} is usual.",
        facts={
            series.by: name,
            "hour": hour.isoformat(),
            "spent": plain(spent),
            "usual": plain(usual),
            "unit": series.currency,
        },
    )
