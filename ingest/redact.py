"""Makes bad lines safe to keep: their shape stays, what people wrote or own does not.

A dead letter must help to find the bug that made it, and must never hold a prompt, a completion or
a key. So of a JSON object only fields of the event schema stay, with values that fit the schema
and, where the schema allows any text, look like a name: short, no blanks, nothing like a key.
Everything else is replaced by its kind and length. A line that is no object leaves its length, a
piece of its SHA-256 and its beginning with letters as `x` and digits as `9`.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from ingest.schema import EVENT, ListOf, MapOf, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.schema import Shape

MAX_LINE_CHARACTERS: Final = 8192
_EXCERPT_BYTES = 120
_MAX_ITEMS = 16
_LARGEST_NUMBER = 2**53
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}", re.ASCII)
_LIKE_A_KEY = re.compile(r"[A-Za-z0-9]{24}|^(sk|pk|eyJ|Bearer)[-_A-Za-z0-9]", re.ASCII)
_MAX_FOREIGN_KEYS = 64
_ENVELOPES = frozenset({"properties"})
_WORD_KEYS = frozenset({"category", "operationname", "call_type", "level", "resultsignature"})
_WORD = re.compile(r"[A-Za-z0-9_./]{1,64}", re.ASCII)
_COUNTED_KEY = re.compile(
    r"(tokens|status|statuscode|code|duration|durationms|time|number)$", re.IGNORECASE
)
_TIME_KEY = re.compile(r"time|timestamp|timegenerated|starttime|endtime", re.IGNORECASE)
_TIME = re.compile(
    r"[0-9]{1,4}[-/][0-9]{1,2}[-/][0-9]{1,4}[T ][0-9:.]{1,18}( ?[AP]M|Z|[+-][0-9:]+)?"
)
_MASK = re.compile(r"^\[redacted [a-z0-9 ]+\]$")
"""What a masked value or key looks like; nothing in an event of ours does."""


def redact(line: bytes) -> str:
    """A line's safe remains, as JSON."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return describe_bytes(line, len(line))
    if not isinstance(value, dict):
        return describe_bytes(line, len(line))
    text = json.dumps(_mask_value(value, EVENT), separators=(",", ":"))
    return text if len(text) <= MAX_LINE_CHARACTERS else describe_bytes(line, len(line))


def redact_record(value: object) -> str:
    """What may be kept of a record of another gateway: its keys, and values that say no content.

    Of values only numbers, times and words stay, of keys that never hold content; what is nested
    shows its keys only where an envelope stands.
    """
    if not isinstance(value, dict):
        return json.dumps({"[redacted]": _mask(value)})
    text = json.dumps(_mask_foreign(value, depth=0), separators=(",", ":"))
    return text if len(text) <= MAX_LINE_CHARACTERS else json.dumps({"[redacted]": _mask(value)})


def key_names(value: Mapping[str, Any]) -> str:
    """The keys of an object for a reason; those that are no names are counted."""
    names = [key for key in value if looks_like_name(key)][:_MAX_ITEMS]
    others = len(value) - len(names)
    return ", ".join([*names, *([f"{others} more"] if others else [])])


def describe_bytes(line: bytes, length: int) -> str:
    """What may be said of `length` bytes that begin with `line` and are no object."""
    excerpt = "".join(map(_mask_character, line[:_EXCERPT_BYTES].decode("latin-1")))
    digest = hashlib.sha256(line).hexdigest()[:12]
    return json.dumps({"unreadable": {"bytes": length, "sha256": digest, "excerpt": excerpt}})


def looks_like_name(text: str) -> bool:
    """Whether a text may be a model, a deployment, a team: no sentence and no key."""
    return _NAME.fullmatch(text) is not None and _LIKE_A_KEY.search(text) is None


def is_masked(value: object) -> bool:
    """Whether a value of a redacted line stands for one that was taken out."""
    return isinstance(value, str) and _MASK.match(value) is not None


def _mask_value(value: object, shape: Shape | None) -> object:
    match shape, value:
        case MapOf(fields=fields), dict() if fields:
            return _mask_record(value, fields)
        case MapOf(values=values), dict() if len(value) <= _MAX_ITEMS:
            return _mask_map(value, values)
        case ListOf(item=item), list() if len(value) <= _MAX_ITEMS:
            return [_mask_value(each, item) for each in value]
        case Scalar(), _ if _may_stay(value, shape):
            return value
    return _mask(value)


def _may_stay(value: object, shape: Scalar) -> bool:
    """Numbers stay where numbers belong, fitting or not; texts must fit and look like names."""
    if shape.numeric and isinstance(value, int | float) and not isinstance(value, bool):
        return abs(value) < _LARGEST_NUMBER
    if isinstance(value, str) and not looks_like_name(value):
        return False
    return shape.accepts(value)


def _mask_foreign(value: Mapping[str, Any], *, depth: int) -> dict[str, object]:
    masked: dict[str, object] = {}
    for number, (key, inner) in enumerate(list(value.items())[:_MAX_FOREIGN_KEYS], start=1):
        shown = key if looks_like_name(key) else f"[redacted key {number}]"
        if isinstance(inner, dict) and depth == 0 and key.lower() in _ENVELOPES:
            masked[shown] = _mask_foreign(inner, depth=1)
        else:
            masked[shown] = inner if _is_harmless(key, inner) else _mask(inner)
    if len(value) > _MAX_FOREIGN_KEYS:
        masked["[redacted keys]"] = len(value) - _MAX_FOREIGN_KEYS
    return masked


def _is_harmless(key: str, value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return _COUNTED_KEY.search(key) is not None and abs(value) < _LARGEST_NUMBER
    if not isinstance(value, str):
        return False
    if key.lower() in _WORD_KEYS:
        return _WORD.fullmatch(value) is not None and _LIKE_A_KEY.search(value) is None
    return _TIME_KEY.fullmatch(key) is not None and _TIME.fullmatch(value) is not None


def _mask_record(value: Mapping[str, Any], fields: Mapping[str, Shape]) -> dict[str, object]:
    """Known fields, and how many others there were of which kind."""
    masked = {key: _mask_value(value[key], shape) for key, shape in fields.items() if key in value}
    others = [inner for key, inner in value.items() if key not in fields]
    for number, inner in enumerate(others[:_MAX_ITEMS], start=1):
        masked[f"[redacted key {number}]"] = _mask(inner)
    return masked


def _mask_map(value: Mapping[str, Any], values: Shape | None) -> dict[str, object]:
    """Keys that look like names stay."""
    masked: dict[str, object] = {}
    for number, (key, inner) in enumerate(value.items(), start=1):
        if looks_like_name(key):
            masked[key] = _mask_value(inner, values)
        else:
            masked[f"[redacted key {number}]"] = _mask(inner)
    return masked


def _mask(value: object) -> str:
    match value:
        case str():
            return f"[redacted {len(value)} chars]"
        case bool() | None:
            return "[redacted literal]"
        case int() | float():
            return "[redacted number]"
        case list():
            return f"[redacted list of {len(value)}]"
    return "[redacted object]"


def _mask_character(character: str) -> str:
    if character.isdecimal():
        return "9"
    return character if character.isascii() and not character.isalnum() else "x"
