"""How far each writer's segments are in the hub, kept over restarts beside the segments.

The file is only a shortcut: without it, or with an old one, whole segments are sent once more and
the store drops what it has. So it is written now and then, and never synced.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gateway_hooks.segments import Position, SegmentName, split_position

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE_NAME: Final = "forwarded.json"


class Progress:
    """Positions by writer; what lies before one is in the hub."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._positions = _read(self._path)
        self._changed = False

    def of(self, writer: str) -> tuple[int, int] | None:
        """The segment number and the offset in it where a writer goes on; None: not known."""
        position = self._positions.get(writer)
        return None if position is None else split_position(position)

    def move(self, writer: str, number: int, offset: int) -> None:
        """Everything before is in the hub."""
        self._positions[writer] = SegmentName(writer, number, is_open=False).position(offset)
        self._changed = True

    def keep(self, writers: Iterable[str]) -> None:
        """Write what has changed, without the writers that left nothing behind.

        Raises:
            OSError: the file cannot be written.
        """
        if not self._changed:
            return
        present = set(writers)
        self._positions = {
            writer: at for writer, at in self._positions.items() if writer in present
        }
        draft = self._path.with_name(f".{FILE_NAME}.draft")
        draft.write_text(json.dumps(self._positions))
        draft.rename(self._path)
        self._changed = False


def _read(path: Path) -> dict[str, Position]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {
        writer: Position(at)
        for writer, at in known.items()
        if isinstance(at, int) and at >= 1 << 40
    }
