"""What `gatemeter keys assign` and `keys history` do with the store, apart from printing it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from analytics import Store
from analytics.keys import (
    Assignment,
    BusinessDay,
    assign,
    assignments_frame,
    find_key,
    periods_frame,
    periods_of,
    read_assignments,
)
from gatemeter.busy import until_not_busy

if TYPE_CHECKING:
    from datetime import date
    from typing import Any

    import polars as pl

    from analytics.keys import Assigned, Moved
    from gatemeter.settings import Settings


def assign_key(
    settings: Settings,
    key: str,
    *,
    team: str,
    name: str | None,
    since: date,
    until: date | None,
    dry: bool,
) -> Assigned:
    """Give a key to a team from the start of a business day on.

    Raises:
        AnalyticsError: there is no such key, or the store cannot be used or stayed busy.
    """
    zone = ZoneInfo(settings.timezone)
    with Store.open(settings.store_url, read_only=dry, make=False) as store:
        wanted = Assignment(
            key_id=find_key(store, key, _named(settings)),
            key_name=name,
            team=team,
            valid_from=BusinessDay.of(since, zone).first_hour,
            valid_to=BusinessDay.of(until, zone).first_hour if until else None,
            noted_at=datetime.now(UTC),
        )
        return until_not_busy(lambda: assign(store, wanted, dry=dry))


def key_history(settings: Settings, key: str | None, *, said: bool) -> pl.DataFrame:
    """What holds of a key, or of all of them, or what was said of them.

    Raises:
        AnalyticsError: there is no such key, or no store.
    """
    zone = ZoneInfo(settings.timezone)
    with Store.open(settings.store_url, read_only=True) as store:
        assignments = read_assignments(store.cursor())
        if key is not None:
            key_id = find_key(store, key, _named(settings))
            assignments = [one for one in assignments if one.key_id == key_id]
    if said:
        return assignments_frame(assignments, zone)
    return periods_frame(periods_of(assignments), zone)


def described(outcome: Assigned, zone: str, *, dry: bool) -> list[str]:
    """An outcome for people, line by line."""
    one = outcome.assignment
    span = f"from {_when(one.valid_from, zone)}"
    if one.valid_to is not None:
        span += f" until {_when(one.valid_to, zone)}"
    called = f" as {one.key_name}" if one.key_name else ""
    lines = [f"{one.key_id}{called}: team {one.team} {span}"]
    if not outcome.is_new:
        lines.append("this is so already")
    verb = "would move" if dry else "moved"
    for moved in outcome.moved:
        whose = f"team {moved.team or '(none)'}, key name {moved.key_name or '(none)'}"
        lines.append(f"{verb} {_amounts(moved)} from {whose}")
    if not outcome.moved:
        lines.append("nothing that is stored " + ("would move" if dry else "had to move"))
    return lines


def _amounts(moved: Moved) -> str:
    """What of it there is: neither digits nor counts of nothing."""
    requests = f"{moved.requests:,} request{'' if moved.requests == 1 else 's'}"
    parts = [requests] if moved.requests else []
    parts += [f"{cost.normalize():f} {currency}" for currency, cost in moved.cost.items()]
    return ", ".join(parts) + ("" if moved.cost else " (without a cost)")


def as_json(outcome: Assigned, *, dry: bool) -> dict[str, Any]:
    """An outcome for programs; money as strings."""
    one = outcome.assignment
    return {
        "key_id": one.key_id,
        "key_name": one.key_name,
        "team": one.team,
        "valid_from": one.valid_from.isoformat(),
        "valid_to": one.valid_to.isoformat() if one.valid_to else None,
        "dry_run": dry,
        "is_new": outcome.is_new,
        "moved": [
            {
                "team": moved.team,
                "key_name": moved.key_name,
                "requests": moved.requests,
                "cost": {name: f"{amount.normalize():f}" for name, amount in moved.cost.items()},
            }
            for moved in outcome.moved
        ],
    }


def rounded_note(settings: Settings, day: date) -> str | None:
    """What to say where days do not begin on a whole UTC hour."""
    found = BusinessDay.of(day, ZoneInfo(settings.timezone))
    if not found.is_rounded:
        return None
    return (
        f"days of {settings.timezone} begin at {found.begins_at:%H:%M}Z, but sums are kept by "
        f"whole UTC hours: as in reports, the day counts from {found.first_hour:%H:%M}Z"
    )


def _when(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d} ({moment:%Y-%m-%d %H:%M}Z)"


def _named(settings: Settings) -> dict[str, str | None]:
    return {key_id: alias.name for key_id, alias in settings.keys.items()}
