"""The text of an answer while it is read: needed only when nobody reports usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

MAX_CHARACTERS: Final = 4 << 20
"""More than any model writes in one answer; text beyond it is counted and not kept."""


class GeneratedText:
    """Collects pieces of text by the part of the answer they belong to.

    A tokenizer must see the pieces of one part joined: a stream's chunks are tokens, and a word
    cut in two counts more.
    """

    __slots__ = ("_dropped", "_kept", "_max_characters", "_parts")

    def __init__(self, max_characters: int = MAX_CHARACTERS) -> None:
        self._parts: dict[Hashable, list[str]] = {}
        self._max_characters = min(max_characters, MAX_CHARACTERS)
        self._kept = 0
        self._dropped = 0

    def add(self, part: Hashable, text: str) -> None:
        """Append `text` to one part, as long as there is room."""
        room = self._max_characters - self._kept
        if len(text) > room:
            self._dropped += len(text) - room
            text = text[:room]
        if text:
            self._kept += len(text)
            self._parts.setdefault(part, []).append(text)

    @property
    def dropped_characters(self) -> int:
        """How much did not fit."""
        return self._dropped

    def __bool__(self) -> bool:
        return bool(self._parts)

    def texts(self) -> list[str]:
        """Each part, joined."""
        return ["".join(pieces) for pieces in self._parts.values()]
