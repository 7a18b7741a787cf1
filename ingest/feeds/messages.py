"""The records in a message, whatever it is wrapped in.

A message is one JSON object, an array of them, objects one after the other (NDJSON or printed
prettily), or an envelope: Azure Monitor's `{"records": [...]}`, a table of Log Analytics' query
API, or OTLP's spans below resources and scopes. Records are numbered as they stand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_APIM_LIMITS: Final = (200 * 1024, 200_000)
"""200 KB, both ways: what log-to-eventhub of Azure API Management sends at most."""
_HALF_A_CHARACTER: Final = 4
_MOST_BROKEN: Final = 100
_SHOWN_CHARACTERS: Final = 256
_BLANK: Final = " \t\r\n,\ufeff\x1e"
_decoder: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Broken:
    """A piece of a message that is no JSON, in its place among the records; `piece` is cut."""

    reason: str
    piece: bytes
    size_bytes: int


def read_values(body: bytes) -> Iterator[object]:
    """The JSON values of a message, arrays and envelopes opened; `Broken` for what is none."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        yield from _one_by_one(body)
    else:
        yield from _open(value)


def _one_by_one(body: bytes) -> Iterator[object]:
    """Values after each other; a broken one ends where the next line begins one."""
    text = body.decode("utf-8", "replace")
    place, end, broken, alone = 0, len(text), 0, True
    while place < end:
        if text[place] in _BLANK:
            place += 1
            continue
        try:
            value, place = _decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            broken += 1
            # Whoever sends nothing but beginnings shall not keep the consumer busy.
            following = text.find("\n{", place) if broken < _MOST_BROKEN else -1
            upto = end if following < 0 else following
            piece = text[place:upto][:_SHOWN_CHARACTERS].encode("utf-8", "replace")
            reason = _why(body, text[place : place + 1], at_end=upto == end, alone=alone)
            yield Broken(reason, piece, upto - place)
            place = upto if following < 0 else following + 1
        else:
            yield from _open(value)
        alone = False


def _why(body: bytes, begins: str, *, at_end: bool, alone: bool) -> str:
    if begins not in "{[" and alone:
        return "the message is no JSON"
    if begins not in "{[" or not at_end or body[-16:].rstrip().endswith((b"}", b"]")):
        return "the message holds something that is no JSON"
    told = f"the message ends in the middle of JSON at {len(body):,} bytes"
    if any(limit - _HALF_A_CHARACTER <= len(body) <= limit for limit in _APIM_LIMITS):
        return f"{told}: Azure API Management cuts log-to-eventhub messages at 200 KB"
    return told


def _open(value: object) -> Iterator[object]:
    match value:
        case list():
            for one in value:
                yield from _open(one) if isinstance(one, dict) else (one,)
        case {"records": list() as records}:
            yield from records
        case {"tables": list() as tables}:
            for table in tables:
                yield from _rows(table)
        case {"resourceSpans": list() as resources}:
            yield from _spans(resources)
        case _:
            yield value


def _rows(table: object) -> Iterator[object]:
    """The rows of a table of Log Analytics' query API, each as an object."""
    match table:
        case {"columns": list() as columns, "rows": list() as rows}:
            names = [
                str(column.get("name")) if isinstance(column, dict) else "" for column in columns
            ]
            for row in rows:
                yield dict(zip(names, row, strict=False)) if isinstance(row, list) else row
        case _:
            yield table


def _spans(resources: list[Any]) -> Iterator[object]:
    """OTLP's spans, each with the attributes of its resource."""
    for resource in resources:
        fields = resource if isinstance(resource, dict) else {}
        scopes = fields.get("scopeSpans") or fields.get("instrumentationLibrarySpans")
        for scope in scopes if isinstance(scopes, list) else []:
            spans = scope.get("spans") if isinstance(scope, dict) else None
            for span in spans if isinstance(spans, list) else []:
                yield {"otlpSpan": span, "resource": fields.get("resource")}
