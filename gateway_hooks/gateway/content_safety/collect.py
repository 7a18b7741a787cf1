"""All texts under some fields of a JSON value, each with its place.

The place of a text in a stream's chunk is the place of the text that it goes on with: list items
are known by their own `index` where they have one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Container

Place = tuple[str | int, ...]
MOST_DEPTH: Final = 64


class TooDeep(Exception):
    """A value is nested deeper than anything that a model takes or says."""


def collect(value: object, fields: Container[object]) -> list[tuple[Place, str]]:
    """The texts of a value, in its order.

    Args:
        value: decoded JSON.
        fields: names of the fields that are text or lead to text; others are not looked into.

    Raises:
        TooDeep: it is nested too deeply to be looked through.
    """
    found: list[tuple[Place, str]] = []
    _collect(value, fields, (), found)
    return found


def every_text(value: object) -> list[str]:
    """All texts of a value, under whatever names.

    Raises:
        TooDeep: it is nested too deeply to be looked through.
    """
    if isinstance(value, str):
        return [value]
    found: list[tuple[Place, str]] = []
    _collect(value, _ALL, (), found)
    return [text for _, text in found]


class _All:
    def __contains__(self, name: object) -> bool:
        return True


_ALL: Final = _All()


def _collect(
    value: object, fields: Container[object], place: Place, found: list[tuple[Place, str]]
) -> None:
    if isinstance(value, str):
        if value:
            found.append((place, value))
        return
    if len(place) > MOST_DEPTH:
        raise TooDeep
    if isinstance(value, list):
        for position, item in enumerate(value):
            _collect(item, fields, (*place, _index(item, position)), found)
    elif isinstance(value, dict):
        for name, part in value.items():
            if name in fields:
                _collect(part, fields, (*place, name), found)


def _index(item: Any, position: int) -> int:  # noqa: ANN401 - any JSON value
    index = item.get("index", position) if isinstance(item, dict) else position
    return index if type(index) is int else position
