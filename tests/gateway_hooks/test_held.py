"""What waits for a successor is never forgotten."""

from __future__ import annotations

import pytest

from gateway_hooks import held
from gateway_hooks.held import Held
from tests.gateway_hooks.fakes import FakeClock, wait_until


@pytest.fixture
def let_go() -> list[str]:
    """What was let go of."""
    return []


@pytest.fixture
def holder(clock: FakeClock, let_go: list[str]) -> Held[str, str]:
    """A holder of words."""
    return Held(clock, let_go.append)


def test_a_value_is_taken_once(holder: Held[str, str], let_go: list[str]) -> None:
    """Its successor takes it; nobody else gets it."""
    holder.hold("key", "value", 10)
    assert holder.take("other") is None
    assert holder.take("key") == "value"
    assert holder.take("key") is None
    holder.end_all()
    assert let_go == []


def test_time_lets_go(holder: Held[str, str], clock: FakeClock, let_go: list[str]) -> None:
    """Each value has its own time."""
    holder.hold("short", "short", 1)
    holder.hold("long", "long", 100)
    clock.advance(2)
    holder.end_overdue()
    assert let_go == ["short"]
    assert holder.take("long") == "long"


def test_the_sweeper_does_it_by_itself(
    holder: Held[str, str], clock: FakeClock, let_go: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to come by."""
    monkeypatch.setattr(held, "_SWEEP_SECONDS", 0.01)
    holder.hold("key", "value", 1)
    clock.advance(2)
    wait_until(lambda: let_go)
    assert let_go == ["value"]


def test_the_end_lets_go_of_everything(holder: Held[str, str], let_go: list[str]) -> None:
    """A gateway that stops loses nothing that waited."""
    for number in range(5):
        holder.hold(str(number), str(number), 10)
    holder.end_all()
    assert let_go == ["0", "1", "2", "3", "4"]


def test_the_oldest_makes_room(
    holder: Held[str, str], let_go: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded; what has waited longest goes first."""
    monkeypatch.setattr(held, "_MAX_HELD", 3)
    for number in range(5):
        holder.hold(str(number), str(number), 10)
    assert let_go == ["0", "1"]


def test_a_child_leaves_the_parents_values_to_it(holder: Held[str, str], let_go: list[str]) -> None:
    """A forked worker records nothing a second time."""
    holder.hold("key", "value", 10)
    holder.after_fork_in_child()
    holder.end_all()
    assert let_go == []
    assert holder.take("key") is None
