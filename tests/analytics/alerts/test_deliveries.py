"""Who may send what, and when again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from analytics.alerts import history
from analytics.alerts.deliveries import (
    GIVE_UP,
    LAST_RETRY,
    LEASE,
    back_off,
    claim,
    delivered,
    due,
    failed,
    keep,
    unknown,
)
from tests.analytics.alerts.samples import alert

if TYPE_CHECKING:
    from analytics.alerts.deliveries import Claim
    from analytics.store import Store

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SOON = NOW + timedelta(seconds=10)


def claimed(store: Store, now: datetime = NOW) -> Claim:
    """The first delivery that is due, claimed."""
    held = claim(store, due(store, now)[0], now)
    assert held is not None
    return held


def states(store: Store) -> list[str]:
    """What became of all deliveries."""
    return list(history(store, 50)["state"])


def test_an_alert_is_kept_once(empty_store: Store) -> None:
    """Found again it is nothing new; another channel for it is."""
    assert keep(empty_store, [alert(channels=("one", "two"))], NOW)
    assert keep(empty_store, [alert(channels=("one", "two"), text="later")], SOON) == []
    assert [one.channel for one in due(empty_store, SOON)] == ["one", "two"]
    assert unknown(empty_store, [alert(channels=("two", "three"))])
    keep(empty_store, [alert(channels=("two", "three"))], SOON)
    assert [one.channel for one in due(empty_store, SOON)] == ["one", "two", "three"]


def test_an_alert_without_channels_is_in_the_history(empty_store: Store) -> None:
    """Whoever looks sees it, and nobody tries to send it."""
    keep(empty_store, [alert(channels=())], NOW)
    assert due(empty_store, SOON) == []
    assert states(empty_store) == ["noted"]


def test_what_is_claimed_is_nobody_elses(empty_store: Store) -> None:
    """A second process that saw the same delivery does not get it."""
    keep(empty_store, [alert()], NOW)
    (seen,) = due(empty_store, NOW)
    assert claim(empty_store, seen, NOW) is not None
    assert claim(empty_store, seen, NOW) is None
    assert due(empty_store, NOW) == []


def test_what_is_delivered_is_never_due_again(empty_store: Store) -> None:
    """Not after a lease, not after days."""
    keep(empty_store, [alert()], NOW)
    delivered(empty_store, claimed(empty_store), SOON)
    for later in (SOON, SOON + LEASE, SOON + timedelta(days=30)):
        assert due(empty_store, later) == []
    assert keep(empty_store, [alert()], SOON) == []
    assert states(empty_store) == ["delivered"]


def test_a_claim_runs_out(empty_store: Store) -> None:
    """What a dead process had claimed is due again after the lease, as the same alert."""
    keep(empty_store, [alert()], NOW)
    first = claimed(empty_store)
    assert due(empty_store, NOW + LEASE - timedelta(seconds=1)) == []
    again = claimed(empty_store, NOW + LEASE)
    assert (again.due.alert_id, again.due.attempts) == (first.due.alert_id, 1)
    assert again.due.payload == first.due.payload


def test_a_late_success_counts_and_a_late_failure_does_not(empty_store: Store) -> None:
    """A process that was held up: what it sent is sent; what it could not send is another's now."""
    keep(empty_store, [alert()], NOW)
    slow = claimed(empty_store)
    claimed(empty_store, NOW + LEASE)
    failed(empty_store, slow, "too late", NOW + LEASE)
    assert states(empty_store) == ["sending"]
    delivered(empty_store, slow, NOW + LEASE)
    assert states(empty_store) == ["delivered"]
    assert due(empty_store, NOW + 3 * LEASE) == []


def test_a_failure_is_tried_again_later_and_later(empty_store: Store) -> None:
    """Half a minute, a minute, two; the history shows why and when."""
    keep(empty_store, [alert()], NOW)
    now = NOW
    for wait in (30, 60, 120):
        failed(empty_store, claimed(empty_store, now), "refused", now)
        row = history(empty_store, 1).row(0, named=True)
        assert (row["state"], row["last_error"]) == ("waiting", "refused")
        assert row["next_attempt_at"] == now + timedelta(seconds=wait)
        assert due(empty_store, now + timedelta(seconds=wait - 1)) == []
        now += timedelta(seconds=wait)
    assert history(empty_store, 1)["attempts"].item() == 3


def test_waits_are_bounded() -> None:
    """However often it failed, an hour later it is tried again."""
    assert back_off(10) == back_off(10_000) == LAST_RETRY


def test_in_the_end_it_is_given_up(empty_store: Store) -> None:
    """After three days nobody wants to hear it; the history keeps it."""
    keep(empty_store, [alert()], NOW)
    failed(empty_store, claimed(empty_store, NOW + GIVE_UP), "refused", NOW + GIVE_UP)
    assert states(empty_store) == ["given up"]
    assert due(empty_store, NOW + 2 * GIVE_UP) == []


def test_the_history_shows_no_payload_and_not_the_fence(empty_store: Store) -> None:
    """The row without a name is machinery."""
    assert history(empty_store, 50).is_empty()
    assert "payload" not in history(empty_store, 50).columns
