"""How much of the disk the queue may use, and how much it uses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

FullPolicy = Literal["drop_newest", "keep_writing"]


class DiskBudget:
    """Counts this process's appends between two looks at the folder, which all writers share.

    With several writers the budget can be passed by what they append between two looks.
    """

    def __init__(self, folder: Path, max_bytes: int, when_full: FullPolicy) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._drops = when_full == "drop_newest"
        self._used_bytes = 0

    @property
    def used_bytes(self) -> int:
        """Size of the queue as far as it is known."""
        return self._used_bytes

    @property
    def is_full(self) -> bool:
        """Whether another event of a usual size would be refused."""
        return self._drops and self._used_bytes + _USUAL_EVENT_BYTES > self._max_bytes

    def takes(self, size: int) -> bool:
        """Whether `size` more bytes may be written."""
        return not self._drops or self._used_bytes + size <= self._max_bytes

    def add(self, size: int) -> None:
        """Count what was written."""
        self._used_bytes += size

    def measure(self) -> None:
        """Look at the folder again: other writers add to it and the consumer deletes.

        Raises:
            OSError: the folder cannot be read.
        """
        self._used_bytes = _folder_bytes(self._folder)


_USUAL_EVENT_BYTES = 4096


def _folder_bytes(folder: Path) -> int:
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue  # the consumer deleted it while we looked
    return total
