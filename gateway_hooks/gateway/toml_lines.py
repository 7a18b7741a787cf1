"""In which line of a TOML file a setting stands: no TOML library of Python tells.

Tables and keys are found by their lines, as people write them; of an inline table the line it is in
is told.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HEADER: Final = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*[.=]""")


def line_of(text: str, path: Sequence[int | str]) -> int:
    """The line of what `path` leads to, or of the nearest that is there; counted from 1.

    Args:
        text: the file.
        path: keys and positions, as pydantic tells where an error is.
    """
    wanted = list(path)
    best, found = 0, 1
    for number, place in _places(text):
        same = _common(place, wanted)
        if same > best:
            best, found = same, number
    return found


def _common(place: Sequence[int | str], wanted: Sequence[int | str]) -> int:
    """How much of the wanted path a place is; 0 when it leads elsewhere."""
    for index, part in enumerate(place):
        if index >= len(wanted):
            return index if index == len(place) - 1 and isinstance(part, int) else 0
        if part != wanted[index]:
            return 0
    return len(place)


def _places(text: str) -> Iterator[tuple[int, list[int | str]]]:
    """Each table and key, with the line it stands in."""
    table: list[int | str] = []
    counts: dict[tuple[int | str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header is not None:
            table = _entered(_names(header[2]), counts, is_new=header[1] == "[[")
            yield number, table
            continue
        key = _KEY.match(line)
        if key is not None:
            yield number, [*table, key[1].strip("\"'")]


def _entered(
    names: list[str], counts: dict[tuple[int | str, ...], int], *, is_new: bool
) -> list[int | str]:
    """The path of a table, with the position in each array of tables on the way."""
    path: list[int | str] = []
    for index, name in enumerate(names):
        path.append(name)
        if is_new and index == len(names) - 1:
            counts[tuple(path)] = counts.get(tuple(path), -1) + 1
        if tuple(path) in counts:
            path.append(counts[tuple(path)])
    return path


def _names(header: str) -> list[str]:
    return [one.strip().strip("\"'") for one in header.split(".")]
