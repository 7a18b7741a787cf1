"""Owner levels decide who reads."""

from __future__ import annotations

import pytest

from gatemeter.emulator.errors import LINK_STOLEN, RESOURCE_LIMIT, Refusal
from gatemeter.emulator.readers import MAX_SHARED_READERS, Readers


class Somebody:
    """A reader that notes why it was disconnected."""

    def __init__(self, owner_level: int | None) -> None:
        self.owner_level = owner_level
        self.lost: str | None = None

    def disconnect(self, condition: str, description: str) -> None:  # noqa: ARG002 - Reader's signature
        """Note it."""
        self.lost = condition


@pytest.mark.parametrize(("present", "newcomer"), [(1, 0), (1, None), (0, None)])
def test_a_lower_or_missing_level_is_refused(present: int, newcomer: int | None) -> None:
    """Whoever has less right than the reader that is there cannot come in."""
    readers, owner = Readers(), Somebody(present)
    readers.join(owner)
    with pytest.raises(Refusal) as refused:
        readers.join(Somebody(newcomer))
    assert refused.value.condition == LINK_STOLEN
    assert owner.lost is None


@pytest.mark.parametrize(("present", "newcomer"), [(0, 0), (0, 1), (None, 0)])
def test_an_equal_or_higher_level_takes_over(present: int | None, newcomer: int) -> None:
    """The reader that was there loses its link."""
    readers, owner, thief = Readers(), Somebody(present), Somebody(newcomer)
    readers.join(owner)
    readers.join(thief)
    assert (owner.lost, thief.lost) == (LINK_STOLEN, None)
    readers.leave(owner)
    with pytest.raises(Refusal):
        readers.join(Somebody(None))


def test_five_may_share() -> None:
    """Without levels, a sixth reader is one too many; one that leaves makes room."""
    readers = Readers()
    present = [Somebody(None) for _ in range(MAX_SHARED_READERS)]
    for one in present:
        readers.join(one)
    with pytest.raises(Refusal) as refused:
        readers.join(Somebody(None))
    assert refused.value.condition == RESOURCE_LIMIT
    readers.leave(present[0])
    readers.join(Somebody(None))
    assert [one.lost for one in present] == [None] * MAX_SHARED_READERS


def test_a_level_is_forgotten_with_its_reader() -> None:
    """After the owner has left, anybody may read."""
    readers, owner = Readers(), Somebody(9)
    readers.join(owner)
    readers.leave(owner)
    readers.join(Somebody(None))
