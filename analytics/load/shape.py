"""What a line of the log must look like, as SQL: columns to read and checks to pass.

Both are made from the event's published JSON Schema, so the fast path and pydantic cannot drift
apart. Keys that the schema does not know are not read: a newer gateway may add some.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from analytics.address import quoted
from gateway_hooks.event import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Schema = Mapping[str, Any]

EARLIEST: Final = "2000-01-01 00:00:00+00"
LATEST: Final = "2200-01-01 00:00:00+00"

_FILTER = (
    r'"(?:[^"\\]|\\.)*":\{(?:"filtered":(?:true|false)|"detected":(?:true|false)'
    r'|"severity":"(?:safe|low|medium|high)"|,)*\}'
)
_CONTENT_FILTER: Final = (
    rf'\{{(?:"(?:prompt|completion)":\{{(?:{_FILTER}|,)*\}}|,)*\}}'  # compact, as DuckDB reads it
)


@dataclass(frozen=True, slots=True)
class Check:
    """A promise of a line: `fails` is an SQL condition that is true when it is broken."""

    reason: str
    fails: str


@functools.cache
def columns() -> Mapping[str, str]:
    """SQL type by key of an event. Integers are read as doubles, so that 1.5 is not rounded."""
    return {name: _sql_type(part) for name, part in _event()["properties"].items()}


@functools.cache
def integers() -> frozenset[str]:
    """The columns that hold whole numbers."""
    return _integers(_event())


@functools.cache
def attempt_columns() -> Mapping[str, str]:
    """SQL type by key of an attempt."""
    return {name: _sql_type(part) for name, part in _attempt()["properties"].items()}


@functools.cache
def attempt_integers() -> frozenset[str]:
    """The keys of an attempt that hold whole numbers."""
    return _integers(_attempt())


@functools.cache
def event_checks() -> tuple[Check, ...]:
    """What must hold of each event, attempts apart; `started` is its time, NULL when it is none."""
    event = _event()
    required = event["required"]
    checks = [Check(f"{name} is missing", f"{name} IS NULL") for name in required]
    for name, part in event["properties"].items():
        checks += _checks(name, name, part)
    within = f"started >= TIMESTAMPTZ {quoted(EARLIEST)} AND started < TIMESTAMPTZ {quoted(LATEST)}"
    checks.append(Check("started_at is no plausible time", f"NOT COALESCE({within}, FALSE)"))
    return tuple(checks)


@functools.cache
def attempt_checks() -> tuple[Check, ...]:
    """What must hold of each attempt."""
    attempt = _attempt()
    checks = [
        Check(f"attempts.{name} is missing", f"{name} IS NULL") for name in attempt["required"]
    ]
    for name, part in attempt["properties"].items():
        checks += _checks(f"attempts.{name}", name, part)
    return tuple(checks)


@functools.cache
def event_doubts() -> tuple[Check, ...]:
    """What an event's texts rarely look like: an object or a list that stood in a text's place."""
    doubts = []
    for name, part in _event()["properties"].items():
        if part.get("type") == "array" and part["items"].get("type") == "string":
            unlike = f"len(list_filter({name}, x -> {_like_json('x')})) > 0"
        elif name == "decisions":
            texts = (key for key, one in _decision()["properties"].items() if _is_free_text(one))
            item = " OR ".join(_like_json(f"x.{key}") for key in texts)
            unlike = f"len(list_filter({name}, x -> {item})) > 0"
        elif part.get("type") == "object":  # `tags`
            unlike = f"len(list_filter(map_values({name}), x -> {_like_json('x')})) > 0"
        elif _is_free_text(part):
            unlike = _like_json(name)
        else:
            continue
        doubts.append(Check(f"{name} may be no text", unlike))
    return tuple(doubts)


@functools.cache
def attempt_doubts() -> tuple[Check, ...]:
    """The same of an attempt's texts."""
    return tuple(
        Check(f"attempts.{name} may be no text", _like_json(name))
        for name, part in _attempt()["properties"].items()
        if _is_free_text(part)
    )


def _is_free_text(part: Schema) -> bool:
    return part.get("type") == "string" and "enum" not in part and "pattern" not in part


def _like_json(value: str) -> str:
    # Quicker than the first character: nothing is copied, and few bytes are looked at.
    return f"(starts_with({value}, '{{') OR starts_with({value}, '['))"


def _checks(name: str, value: str, part: Schema) -> Iterator[Check]:
    kind = part.get("type")
    if kind in {"integer", "number"}:
        yield from _number_checks(name, value, part)
    if "enum" in part:
        known = ", ".join(quoted(choice) for choice in part["enum"])
        yield Check(f"{name} has an unknown value", f"{value} NOT IN ({known})")
    if "pattern" in part:
        pattern = quoted(part["pattern"])
        yield Check(f"{name} is not well formed", f"NOT regexp_full_match({value}, {pattern})")
    if "maxLength" in part:
        yield Check(f"{name} is too long", _too_long(value, part["maxLength"]))
    if kind == "array" and part["items"].get("type") == "string":
        item = f"x IS NULL OR {_too_long('x', part['items']['maxLength'])}"
        yield Check(f"{name} holds a bad value", f"len(list_filter({value}, x -> {item})) > 0")
    if name == "decisions":  # attempts, the other list of structs, are checked one by one
        wrong = " OR ".join(check.fails for check in _decision_checks())
        yield Check(f"{name} holds a bad value", f"len(list_filter({value}, x -> {wrong})) > 0")
    if kind == "object":  # the only plain map is `tags`
        key = _too_long("x.key", part["propertyNames"]["maxLength"])
        item = _too_long("x.value", part["additionalProperties"]["maxLength"])
        wrong = f"x.value IS NULL OR {key} OR {item}"
        yield Check(
            f"{name} holds a bad value", f"len(list_filter(map_entries({value}), x -> {wrong})) > 0"
        )
    if part.get("$ref", "").endswith("/ContentFilter"):
        yield Check(
            f"{name} is not well formed",
            f"NOT regexp_full_match({value}::VARCHAR, {quoted(_CONTENT_FILTER)})",
        )


def _decision_checks() -> Iterator[Check]:
    """What must hold of each decision, which is called `x`."""
    decision = _decision()
    for name in decision["required"]:
        yield Check(f"{name} is missing", f'x."{name}" IS NULL')
    for name, part in decision["properties"].items():
        for check in _checks(name, f'x."{name}"', part):
            yield Check(check.reason, f"COALESCE({check.fails}, FALSE)")


def _number_checks(name: str, value: str, part: Schema) -> Iterator[Check]:
    if part["type"] == "integer":
        yield Check(f"{name} is no whole number", f"{value} <> trunc({value})")
    if "const" in part:
        yield Check(f"{name} is not {part['const']}", f"{value} <> {part['const']}")
    # NaN is above every number in DuckDB.
    low = f"{value} < {part['minimum']}" if "minimum" in part else "FALSE"
    high = f"{value} > {part['maximum']}" if "maximum" in part else f"isnan({value})"
    yield Check(f"{name} is out of range", f"({low} OR {high})")


def _integers(schema: Schema) -> frozenset[str]:
    properties = schema["properties"].items()
    return frozenset(name for name, part in properties if part.get("type") == "integer")


def _too_long(value: str, limit: int) -> str:
    # Bytes are quicker to count than characters, and there are never fewer.
    return f"(strlen({value}) > {limit} AND length({value}) > {limit})"


def _sql_type(part: Schema) -> str:
    kind = part.get("type")
    if kind == "array":
        items = part["items"]
        return "VARCHAR[]" if items.get("type") == "string" else f"{_struct(_named(items))}[]"
    if kind == "object":
        return "MAP(VARCHAR, VARCHAR)"
    if "$ref" in part:
        return "JSON"
    return {"integer": "DOUBLE", "number": "DOUBLE", "boolean": "BOOLEAN"}.get(str(kind), "VARCHAR")


def _struct(schema: Schema) -> str:
    fields = ", ".join(f'"{name}" {_sql_type(part)}' for name, part in schema["properties"].items())
    return f"STRUCT({fields})"


def _attempt() -> Schema:
    return cast("Schema", _event()["$defs"]["Attempt"])


def _decision() -> Schema:
    return cast("Schema", _event()["$defs"]["Decision"])


def _named(part: Schema) -> Schema:
    """What a `$ref` stands for."""
    return cast("Schema", _event()["$defs"][part["$ref"].rpartition("/")[2]])


@functools.cache
def _event() -> Schema:
    return json_schema()
