"""Positions in a hub: a message's sequence number, and the row inside it.

A message holds many events, and a commit may end between two of them, so the row belongs to the
position. Offsets, the other way to name a place, are texts without order and are not used.
"""

from __future__ import annotations

from typing import Final

from ingest.types import Position

_ROW_BITS: Final = 24
"""A message of 16 MB has fewer lines than this can count."""


def position_of(sequence: int, row: int = 0) -> Position:
    """The position before a row of a message."""
    return Position(sequence << _ROW_BITS | row)


def split(position: Position) -> tuple[int, int]:
    """Sequence number and row of a position."""
    return position >> _ROW_BITS, position & ((1 << _ROW_BITS) - 1)
