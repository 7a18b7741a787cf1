"""The slow path: looks at each line of a chunk the store refused and says why bad ones are bad.

The fast path is the store's own reader, which takes a batch or refuses it whole. Only then are its
lines validated one by one. Good lines go on unchanged; keys that this version does not know are
taken out, so that gateways may be newer than the consumer; bad lines become faults, redacted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from analytics.load.shape import EARLIEST, LATEST
from gateway_hooks.event import event_adapter
from ingest.redact import redact
from ingest.schema import FIELD_NAMES
from ingest.types import Fault

if TYPE_CHECKING:
    from gateway_hooks.event import UsageEvent
    from ingest.types import Chunk, Position

_PROBLEMS_NAMED = 3
_EARLIEST = datetime.fromisoformat(EARLIEST)
_LATEST = datetime.fromisoformat(LATEST)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A chunk's lines, sorted; each good one with its position and its newline."""

    good: tuple[tuple[Position, bytes], ...]
    faults: tuple[Fault, ...]


class NotStorable(ValueError):
    """The schema allows the line, but no store could hold it."""


def decode(chunk: Chunk) -> Decoded:
    """Sort a chunk's lines into events and faults."""
    good: list[tuple[Position, bytes]] = []
    faults: list[Fault] = []
    offset = 0
    for line in chunk.lines.split(b"\n")[:-1]:
        position = chunk.position_of(offset)
        try:
            good.append((position, decode_line(line) + b"\n"))
        except ValueError as error:
            reason = explain(error) if isinstance(error, ValidationError) else str(error)
            faults.append(Fault("bad_line", position, reason, redact(line)))
        offset += len(line) + 1
    return Decoded(tuple(good), tuple(faults))


def decode_line(line: bytes) -> bytes:
    """The line as the store shall have it, without its newline.

    Raises:
        pydantic.ValidationError: it is no event.
        NotStorable: it is one by its form only.
    """
    adapter = event_adapter()
    try:
        event = adapter.validate_json(line)
    except ValidationError:
        event = adapter.validate_json(line, extra="ignore")
        line = json.dumps(event, separators=(",", ":")).encode()
    _check_time(event)
    return line


def explain(error: ValidationError) -> str:
    """What is wrong and where, in one line that quotes nothing of the input."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    problems = [f"{_place(detail['loc'])}{detail['msg']}" for detail in details[:_PROBLEMS_NAMED]]
    if len(details) > _PROBLEMS_NAMED:
        problems.append(f"and {len(details) - _PROBLEMS_NAMED} more")
    return "; ".join(problems)


def _place(location: tuple[int | str, ...]) -> str:
    """`attempts[0].backend: `; keys that are not of the schema may be content and become `?`."""
    parts = [
        f"[{part}]" if isinstance(part, int) else f".{part if part in FIELD_NAMES else '?'}"
        for part in location
    ]
    return "".join(parts).removeprefix(".") + ": " if parts else ""


def _check_time(event: UsageEvent) -> None:
    """A year that no gateway was ever in comes from a clock that was never set."""
    if not _EARLIEST <= datetime.fromisoformat(event["started_at"]) < _LATEST:
        raise NotStorable(f"started_at: Input should be from {EARLIEST} to before {LATEST}")
