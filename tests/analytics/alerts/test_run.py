"""Rounds of alerts: found, kept, sent, once."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from analytics.alerts import history, new_alerts, run_round
from analytics.alerts.deliveries import LEASE, keep
from analytics.alerts.run import send_due
from analytics.budgets import Budget
from tests.analytics.alerts.samples import KeptChannel, alert, watch
from tests.analytics.samples import FakeClock
from tests.analytics.spending import add_charges, charge

if TYPE_CHECKING:
    from analytics.alerts import Message
    from analytics.store import Store

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def over(empty_store: Store) -> Store:
    """A store with 90 dollars of spend."""
    add_charges(empty_store, [charge(NOW.replace(minute=0), "90")])
    return empty_store


def budget(name: str = "all", *channels: str) -> Budget:
    """A budget of 100 dollars."""
    return Budget.model_validate({"name": name, "limit": 100, "channels": channels})


def test_a_crossed_threshold_is_told_once_over_each_channel(over: Store) -> None:
    """Round after round the same is found; it is sent by the first."""
    one, two, clock = KeptChannel(), KeptChannel(), FakeClock(NOW)
    watched = watch(budget("all", "one", "two"))
    done = run_round(over, watched, {"one": one, "two": two}, clock)
    assert [outcome.channel for outcome in done.sent] == ["one", "two"]
    for _ in range(3):
        clock.advance(minutes=10)
        again = run_round(over, watched, {"one": one, "two": two}, clock)
        assert (again.raised, again.sent, again.failed) == ([], [], [])
    assert len(one.sent) == len(two.sent) == 1
    assert one.sent[0].alert_id == two.sent[0].alert_id


def test_a_broken_channel_stops_no_other(over: Store) -> None:
    """The mail server is down; the webhook hears of it, and the mail is sent when it is back."""
    broken, works, clock = KeptChannel(failures=2), KeptChannel(), FakeClock(NOW)
    channels = {"broken": broken, "works": works}
    watched = watch(budget("all", "broken", "works"), budget("b", "broken", "works"))
    done = run_round(over, watched, channels, clock)
    assert len(works.sent) == 2
    assert [outcome.error for outcome in done.failed] == ["it is broken"]
    assert broken.tried == 1  # the second message is not tried on a channel that is down
    clock.advance(hours=1)
    run_round(over, watched, channels, clock)
    clock.advance(hours=1)
    run_round(over, watched, channels, clock)
    assert sorted(one.title for one in broken.sent) == sorted(one.title for one in works.sent)
    assert len(works.sent) == 2


def test_an_unexpected_error_is_a_failure_without_its_text(over: Store) -> None:
    """A channel with a bug neither ends the round nor writes a secret into the history."""
    bug = KeptChannel(failures=1, error=RuntimeError("https://hooks.example/s3cr3t"))
    done = run_round(over, watch(budget()), {"one": bug}, FakeClock(NOW))
    (outcome,) = done.failed
    assert outcome.error == "the channel failed unexpectedly (RuntimeError)"
    assert history(over, 1)["last_error"].item() == outcome.error


def test_a_channel_that_is_gone_is_said(over: Store) -> None:
    """A channel that was taken out of the settings leaves a reason behind, not silence."""
    keep(over, [alert(channels=("gone",))], NOW)
    _, (outcome,) = send_due(over, {}, FakeClock(NOW))
    assert outcome.error == "there is no such channel in the settings"


def test_a_look_sends_and_keeps_nothing(over: Store) -> None:
    """A dry run shows what is new, once an alert, and the next run still tells it."""
    watched, channel = watch(budget("all", "one", "two")), KeptChannel()
    (new,) = new_alerts(over, watched, NOW)
    assert new.subject == "all"
    assert history(over, 5).is_empty()
    run_round(over, watched, {"one": channel, "two": channel}, FakeClock(NOW))
    assert len(channel.sent) == 2
    assert new_alerts(over, watched, NOW) == []


class _Killed(BaseException):
    """The process ends here."""


class _DangerousChannel:
    """Sends into a list that outlives its process, which may be killed before or after."""

    def __init__(self, arrived: list[str], chance: random.Random) -> None:
        self.arrived = arrived
        self.chance = chance
        self.killed_after: list[str] = []

    def send(self, message: Message) -> None:
        fate = self.chance.random()
        if fate < 0.25:
            raise _Killed
        self.arrived.append(message.alert_id)
        if fate < 0.5:
            self.killed_after.append(message.alert_id)
            raise _Killed


@pytest.mark.parametrize("seed", range(3))
def test_every_alert_arrives_through_kills(empty_store: Store, seed: int) -> None:
    """Processes are killed at random around each sending, and nothing is lost.

    Only what a killed process had handed over without committing it comes twice, under its id.
    """
    arrived: list[str] = []
    channel, clock = _DangerousChannel(arrived, random.Random(seed)), FakeClock(NOW)  # noqa: S311
    alerts = [alert(f"budget {number}") for number in range(6)]
    keep(empty_store, alerts, NOW)
    for _ in range(60):
        try:
            send_due(empty_store, {"one": channel}, clock)
        except _Killed:
            clock.time += LEASE
        else:
            break
    assert set(arrived) == {one.alert_id for one in alerts}
    assert len(arrived) == len(alerts) + len(channel.killed_after)
    clock.time += timedelta(days=2)
    send_due(empty_store, {"one": channel}, clock)
    assert len(arrived) == len(alerts) + len(channel.killed_after)
    assert channel.killed_after
