"""How far each writer's segments are in the hub, kept over restarts beside the segments.

The file is only a shortcut: without it, or with an old one, whole segments are sent once more and
the store drops what it has. So it is written now and then, and not synced.

One moment is different. A segment that is all in the hub is noted as such, with its name, before it
is deleted, and that note is synced. A forwarder that dies between the two finds it: it neither
sends the segment again, nor takes it for one that somebody else removed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway_hooks.segments import Position, SegmentName, split_position

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE_NAME: Final = "forwarded.json"
_SENT: Final = ""
"""The key of the segment that may be deleted; no writer has an empty name."""


class Progress:
    """Positions by writer; what lies before one is in the hub."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._positions, self._sent = _read(self._path)
        self._changed = False

    @property
    def sent(self) -> SegmentName | None:
        """The segment that was last noted as sent: if it is still there, it is to be deleted."""
        return self._sent

    def of(self, writer: str) -> tuple[int, int] | None:
        """The segment number and the offset in it where a writer goes on; None: not known."""
        position = self._positions.get(writer)
        return None if position is None else split_position(position)

    def move(self, writer: str, number: int, offset: int) -> None:
        """Everything before is in the hub."""
        self._positions[writer] = SegmentName(writer, number, is_open=False).position(offset)
        self._changed = True

    def finish(self, segment: SegmentName) -> None:
        """All of a segment is in the hub; when this returns, it may be deleted.

        Raises:
            OSError: the file cannot be written.
        """
        self.move(segment.writer, segment.number + 1, 0)
        self._sent = segment
        self._write(synced=True)

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
        self._write(synced=False)

    def _write(self, *, synced: bool) -> None:
        known: dict[str, int | str] = dict(self._positions)
        if self._sent is not None:
            known[_SENT] = self._sent.filename
        draft = self._path.with_name(f".{FILE_NAME}.draft")
        with draft.open("w") as file:
            file.write(json.dumps(known))
            if synced:
                file.flush()
                os.fsync(file.fileno())
        draft.rename(self._path)
        self._changed = False


def _read(path: Path) -> tuple[dict[str, Position], SegmentName | None]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}, None
    if not isinstance(known, dict):
        return {}, None
    sent = known.pop(_SENT, None)
    positions = {
        writer: Position(at)
        for writer, at in known.items()
        if isinstance(at, int) and at >= 1 << 40
    }
    segment = SegmentName.parse(Path(sent)) if isinstance(sent, str) else None
    return positions, None if segment is None else segment.sealed()
