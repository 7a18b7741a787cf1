"""Who may read a partition in a consumer group: owner levels, also called epochs.

The reader with the highest owner level has the partition for itself: a newcomer of the same or a
higher level takes it over, one of a lower level or with none is refused. Without levels, several
may read side by side.
"""

from __future__ import annotations

from typing import Final, Protocol

from gatemeter.emulator.errors import LINK_STOLEN, RESOURCE_LIMIT, Refusal

MAX_SHARED_READERS: Final = 5


class Reader(Protocol):
    """A link that reads; called in the event loop's thread and may not block."""

    @property
    def owner_level(self) -> int | None:
        """Its epoch, None for a shared reader."""

    def disconnect(self, condition: str, description: str) -> None:
        """End the link: somebody else has the partition now."""


class Readers:
    """The readers of one partition in one consumer group."""

    def __init__(self) -> None:
        self._present: list[Reader] = []

    def join(self, reader: Reader) -> None:
        """Let a reader in; those that it displaces are disconnected.

        Raises:
            Refusal: somebody with a higher right is reading, or too many are.
        """
        highest = max((one.owner_level for one in self._present if one.owner_level is not None),
                      default=None)  # fmt: skip
        mine = reader.owner_level
        if highest is not None and (mine is None or mine < highest):
            raise Refusal(
                LINK_STOLEN,
                f"a receiver with a higher epoch '{highest}' exists, "
                f"a receiver with epoch {mine} cannot be created",
            )
        if mine is None and len(self._present) >= MAX_SHARED_READERS:
            raise Refusal(
                RESOURCE_LIMIT,
                f"at most {MAX_SHARED_READERS} receivers without an epoch may share a partition",
            )
        displaced = self._present if mine is not None else []
        self._present = [reader] if mine is not None else [*self._present, reader]
        for one in displaced:
            one.disconnect(LINK_STOLEN, f"a receiver with epoch '{mine}' has taken the partition")

    def leave(self, reader: Reader) -> None:
        """Forget a reader; one that was displaced is forgotten already."""
        self._present = [one for one in self._present if one is not reader]
