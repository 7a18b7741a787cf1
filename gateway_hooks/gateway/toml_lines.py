"""In which line of a TOML file a setting stands: no TOML library of Python tells.

The text is known to be TOML, since it was read before; so this only looks for keys, tables and the
entries of arrays, and steps over everything else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Path = tuple[int | str, ...]

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL
)
_NAME: Final = re.compile(r"""[ \t]*("(?:\\.|[^"\\])*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*(\.)?""")
_SCALAR: Final = re.compile(r"[^,\]}#\r\n]+")


def line_of(text: str, path: Sequence[int | str]) -> int:
    """The line of what `path` leads to, or of the nearest that is there; counted from 1.

    Args:
        text: a TOML file.
        path: keys and positions, as pydantic tells where an error is.
    """
    wanted = tuple(path)
    best, found = 0, 0
    for place, at in _Places(text).all():
        if best < len(place) <= len(wanted) and place == wanted[: len(place)]:
            best, found = len(place), at
    return text.count("\n", 0, found) + 1


class _Places:
    """Walks through a text once and tells of every key, table and entry where it begins."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def all(self) -> Iterator[tuple[Path, int]]:
        """Paths and positions in the text, in its order."""
        table: Path = ()
        counts: dict[Path, int] = {}
        while self._skip() < len(self._text):
            begin = self._at
            if self._text.startswith("[", begin):
                is_new = self._text.startswith("[[", begin)
                self._at += 2 if is_new else 1
                table = _entered(self._key(), counts, is_new=is_new)
                self._at = self._text.index("]", self._at) + (2 if is_new else 1)
                yield table, begin
            else:
                yield from self._pair(table)

    def _skip(self) -> int:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._at

    def _key(self) -> list[str]:
        names, more = [], True
        while more and (found := _NAME.match(self._text, self._at)):
            names.append(found[1].strip("\"'"))
            self._at, more = found.end(), found[2] is not None
        return names

    def _pair(self, table: Path) -> Iterator[tuple[Path, int]]:
        begin, names = self._at, self._key()
        path = (*table, *names)
        for length in range(len(table) + 1, len(path) + 1):
            yield path[:length], begin
        self._at = self._text.index("=", self._at) + 1
        yield from self._value(path)

    def _value(self, path: Path) -> Iterator[tuple[Path, int]]:
        self._skip()
        sign = self._text[self._at : self._at + 1]
        if sign == "[":
            yield from self._entries(path, "]")
        elif sign == "{":
            yield from self._entries(path, "}")
        else:
            kind = _STRING if sign in {'"', "'"} else _SCALAR
            found = kind.match(self._text, self._at)
            self._at = found.end() if found else len(self._text)

    def _entries(self, path: Path, end: str) -> Iterator[tuple[Path, int]]:
        """Of an array or an inline table."""
        self._at += 1
        number = 0
        while self._skip() < len(self._text) and not self._text.startswith(end, self._at):
            if self._text.startswith(",", self._at):
                self._at += 1
            elif end == "]":
                yield (*path, number), self._at
                yield from self._value((*path, number))
                number += 1
            else:
                yield from self._pair(path)
        self._at += 1


def _entered(names: list[str], counts: dict[Path, int], *, is_new: bool) -> Path:
    """The path of a table, with the position in each array of tables on the way."""
    path: Path = ()
    for index, name in enumerate(names):
        path = (*path, name)
        if is_new and index == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
