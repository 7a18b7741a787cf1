"""The event's schema as a tree, read off its one definition, for redaction and for reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    get_args,
    get_origin,
)

from pydantic import TypeAdapter, ValidationError
from typing_extensions import get_type_hints, is_typeddict

from gateway_hooks.event import UsageEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without parts."""

    adapter: TypeAdapter[Any]
    numeric: bool

    def accepts(self, value: object) -> bool:
        """Whether the schema allows the value here."""
        try:
            self.adapter.validate_python(value, strict=True)
        except ValidationError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of equal things."""

    item: Shape


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object: with known fields, or with any names whose values are alike."""

    fields: Mapping[str, Shape] = field(default_factory=dict)
    values: Shape | None = None


Shape = Scalar | ListOf | MapOf


def _read(annotation: Any) -> Shape:  # noqa: ANN401 - an annotation may be anything
    while get_origin(annotation) in (Required, NotRequired):
        annotation = get_args(annotation)[0]
    bare = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if is_typeddict(bare):
        hints = get_type_hints(bare, include_extras=True)
        return MapOf({name: _read(hint) for name, hint in hints.items()})
    if get_origin(bare) is dict:
        return MapOf(values=_read(get_args(bare)[1]))
    if get_origin(bare) is list:
        return ListOf(_read(get_args(bare)[0]))
    kinds = [type(each) for each in get_args(bare)] if get_origin(bare) is Literal else [bare]
    return Scalar(TypeAdapter(annotation), numeric=all(kind in (int, float) for kind in kinds))


def _names(shape: Shape) -> Iterator[str]:
    match shape:
        case MapOf(fields=fields, values=values):
            yield from fields
            for inner in [*fields.values(), *([values] if values else [])]:
                yield from _names(inner)
        case ListOf(item=item):
            yield from _names(item)


EVENT: Shape = _read(UsageEvent)
"""The event."""

FIELD_NAMES: frozenset[str] = frozenset(_names(EVENT))
"""Every field name of the event and its parts; these, and no others, may be named in a reason."""
