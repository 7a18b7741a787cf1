"""One round of alerts: find what is to be told, keep it, send what is due."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from analytics.alerts.alert import Channel, DeliveryFailed, Message
from analytics.alerts.anomalies import anomaly_alerts
from analytics.alerts.budget_alerts import budget_alerts
from analytics.alerts.deliveries import claim, delivered, due, failed, keep, unknown
from analytics.alerts.pipeline import pipeline_alerts
from analytics.alerts.quota_alerts import quota_alerts
from analytics.errors import StoreBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from analytics.alerts.alert import Alert
    from analytics.alerts.deliveries import Claim, Due
    from analytics.alerts.rules import AlertRules
    from analytics.budgets.budget import Budget
    from analytics.quotas.quota import Quota
    from analytics.store import Store
    from analytics.types import Clock

_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.05
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Watch:
    """Everything that is watched, and in which time zone days begin."""

    budgets: Sequence[Budget]
    quotas: Sequence[Quota]
    rules: AlertRules
    timezone: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one delivery in a round."""

    alert_id: str
    channel: str
    title: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Round:
    """What a round found that was new, and what it sent or failed to send."""

    raised: Sequence[Alert]
    sent: Sequence[Outcome]
    failed: Sequence[Outcome]


def find_alerts(store: Store, watch: Watch, now: datetime) -> list[Alert]:
    """Everything that is to be told at `now`, whether or not it was told before."""
    to, zone = watch.rules.channels, watch.timezone
    return [
        *budget_alerts(store, watch.budgets, now=now, timezone=zone, channels=to),
        *quota_alerts(store, watch.quotas, now=now, timezone=zone, channels=to),
        *anomaly_alerts(store, watch.rules, now=now, timezone=zone, channels=to),
        *pipeline_alerts(store, watch.rules, now=now, timezone=zone, channels=to),
    ]


def new_alerts(store: Store, watch: Watch, now: datetime) -> list[Alert]:
    """What a round would tell; writes nothing."""
    return _told(unknown(store, find_alerts(store, watch, now)))


def run_round(store: Store, watch: Watch, channels: Mapping[str, Channel], clock: Clock) -> Round:
    """Find, keep, send. A channel that fails stops no other one; it is tried again when due.

    Raises:
        StoreBusy: the store was busy for too long; what was not sent will be, by the next round.
    """
    now = clock.now()
    alerts = find_alerts(store, watch, now)
    raised = _patiently(lambda: keep(store, alerts, now))
    sent, not_sent = send_due(store, channels, clock)
    return Round(_told(raised), sent, not_sent)


def send_due(
    store: Store, channels: Mapping[str, Channel], clock: Clock
) -> tuple[list[Outcome], list[Outcome]]:
    """Send every delivery that is due; what was sent, and what was not.

    A channel that fails is left alone until the next round.
    """
    sent: list[Outcome] = []
    not_sent: list[Outcome] = []
    down: set[str] = set()
    for wanted in due(store, clock.now()):
        if wanted.channel in down:
            continue
        outcome = _deliver(store, channels.get(wanted.channel), wanted, clock)
        if outcome is None:
            continue
        if outcome.error is None:
            sent.append(outcome)
        else:
            not_sent.append(outcome)
            down.add(wanted.channel)
    return sent, not_sent


def _deliver(store: Store, channel: Channel | None, wanted: Due, clock: Clock) -> Outcome | None:
    """Claim, send, commit; None when somebody else does it."""
    held = _patiently(lambda: claim(store, wanted, clock.now()))
    if held is None:
        return None
    error = _send(channel, held)
    if error is None:
        _patiently(lambda: delivered(store, held, clock.now()))
    else:
        _patiently(lambda: failed(store, held, error, clock.now()))
    return Outcome(wanted.alert_id, wanted.channel, wanted.title, error)


def _send(channel: Channel | None, held: Claim) -> str | None:
    """Hand over; the reason when that failed."""
    if channel is None:
        return "there is no such channel in the settings"
    try:
        channel.send(Message.read(held.due.payload))
    except DeliveryFailed as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a broken channel must not stop the others
        # Its text may quote an address or a password.
        return f"the channel failed unexpectedly ({type(error).__name__})"
    return None


def _told(alerts: Sequence[Alert]) -> list[Alert]:
    """Each once, without those that a higher threshold superseded."""
    return list({one.alert_id: one for one in alerts if not one.superseded}.values())


def _patiently(write: Callable[[], _Answer]) -> _Answer:
    """The answer of a write that may find the store busy.

    Raises:
        StoreBusy: it was busy every time.
    """
    for _ in range(_TRIES - 1):
        with contextlib.suppress(StoreBusy):
            return write()
        time.sleep(_PAUSE_SECONDS)
    return write()
