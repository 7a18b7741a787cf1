"""Alerts of quotas: deployments whose minutes are full too often in a day."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from analytics.alerts.alert import Alert
from analytics.alerts.wording import plain
from analytics.business_days import period_at
from analytics.quotas.quota import Contract, Quota, contracts
from analytics.quotas.report import full_minutes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from analytics.store import Store


def quota_alerts(
    store: Store,
    quotas: Sequence[Quota],
    *,
    now: datetime,
    timezone: str,
    channels: tuple[str, ...] = (),
) -> list[Alert]:
    """Full minutes of the business day of `now`.

    Quotas that only the store knows are told as `[[quotas]]` without any more settings would be.
    """
    day = period_at("daily", now, ZoneInfo(timezone))
    known = contracts(store, quotas)
    watched = [*quotas, *(_unset(contract) for contract in known[len(quotas) :])]
    found: list[Alert] = []
    told: set[tuple[int, str | None]] = set()
    for percent in sorted({one for quota in watched for one in quota.alert_percent}, reverse=True):
        full = full_minutes(store, known, since=day.since, until=now, percent=float(percent))
        for row in full.iter_rows(named=True):
            quota, place = watched[row["number"]], (row["number"], row["backend"])
            if percent not in quota.alert_percent or row["minutes"] < quota.alert_minutes:
                continue
            to = quota.channels or channels
            found.append(_alert(quota, row, percent, day.name, to, superseded=place in told))
            told.add(place)
    return found


def _unset(contract: Contract) -> Quota:
    """The quota of a deployment that has none in the settings."""
    return Quota(
        deployment=contract.deployment,
        backend=contract.backend,
        tokens_per_minute=contract.tokens_per_minute or None,
        requests_per_minute=contract.requests_per_minute or None,
        capacity=contract.capacity or None,
    )


def _alert(
    quota: Quota,
    row: dict[str, object],
    percent: Decimal,
    day: str,
    to: tuple[str, ...],
    *,
    superseded: bool,
) -> Alert:
    where = f"{quota.deployment} at {row['backend']}" if row["backend"] else quota.deployment
    peak = Decimal(repr(row["peak_percent"])).quantize(Decimal("0.1"))
    contracted = {
        "tokens_per_minute": quota.tokens_per_minute,
        "requests_per_minute": quota.requests_per_minute,
        "capacity": quota.capacity,
    }
    return Alert(
        kind="quota",
        subject=where,
        period=day,
        threshold=f"{plain(percent)} %",
        title=f"Quota of {where}: {row['minutes']} minutes at {plain(percent)} % or more",
        text=f"On {day} the contracted quota of {where} was used to {plain(percent)} % or more in "
        f"{row['minutes']} minutes, {peak} % in the fullest; "
        f"{row['throttled_attempts']} calls were throttled in them.",
        channels=to,
        facts={
            "deployment": quota.deployment,
            "backend": str(row["backend"] or ""),
            "minutes": str(row["minutes"]),
            "peak_percent": plain(peak),
            "threshold_percent": plain(percent),
            "throttled_attempts": str(row["throttled_attempts"]),
            **{name: str(value) for name, value in contracted.items() if value is not None},
        },
        superseded=superseded,
    )
