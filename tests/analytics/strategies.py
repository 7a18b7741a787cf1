"""Hypothesis strategies for events, made from the event's own JSON Schema."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from gateway_hooks.event import json_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Schema = Mapping[str, Any]

_SCHEMA: Schema = json_schema()
_TEXT = st.characters(exclude_categories=["Cs"])


def events(**fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any event that the schema allows; `fixed` replaces the values of some keys."""
    return _object(_SCHEMA, {"event_id": _fresh_ids(), "started_at": _times(), **fixed})


def batches(
    max_size: int = 12, **fixed: st.SearchStrategy[Any]
) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Some events. Their ids are their own, also among the batches of other examples."""
    return st.lists(events(**fixed), min_size=1, max_size=max_size)


def _fresh_ids() -> st.SearchStrategy[str]:
    # Made up anew each time, so that examples can share a store.
    return st.builds(lambda: str(uuid.UUID(int=uuid.uuid4().int & ~(15 << 76) | 7 << 76)))


def _times() -> st.SearchStrategy[str]:
    span = st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants them naive
    return span.map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def _object(
    schema: Schema, fixed: Mapping[str, st.SearchStrategy[Any]] | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    fixed = fixed or {}
    known = {
        name: fixed[name] if name in fixed else _value(part)
        for name, part in schema["properties"].items()
    }
    required = set(schema.get("required", ()))
    return st.fixed_dictionaries(
        {name: value for name, value in known.items() if name in required},
        optional={name: value for name, value in known.items() if name not in required},
    )


def _value(part: Schema) -> st.SearchStrategy[Any]:
    if "$ref" in part:
        return _object(_SCHEMA["$defs"][part["$ref"].rsplit("/", 1)[1]])
    if "const" in part or "enum" in part:
        return st.sampled_from(part.get("enum") or [part["const"]])
    kind: str = part["type"]
    return _KINDS[kind](part)


def _map(part: Schema) -> st.SearchStrategy[Any]:
    key = st.text(_TEXT, max_size=part["propertyNames"]["maxLength"])
    return st.dictionaries(key, _value(part["additionalProperties"]), max_size=3)


_KINDS: dict[str, Callable[[Schema], st.SearchStrategy[Any]]] = {
    "object": _map,
    "array": lambda part: st.lists(_value(part["items"]), max_size=3),
    "integer": lambda part: st.integers(part["minimum"], part["maximum"]),
    "number": lambda part: st.floats(min_value=part["minimum"], allow_infinity=False),
    "boolean": lambda part: st.booleans(),  # noqa: ARG005 - as the others
    "string": lambda part: st.text(_TEXT, max_size=part["maxLength"]),
}
