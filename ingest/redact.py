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
from itertools import islice
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


def without_quotations(message: str) -> str:
    """An error message of a library, without what it quotes: that may be from a line."""
    return re.sub(r"""("[^"]*"|'[^']*'|`[^`]*`|\\{.*)""", "[...]", message)


def _mask_value(value: object, shape: Shape | None) -> object:
    match shape, value:
        case MapOf(), dict():
            return _mask_object(value, shape)
        case ListOf(item=item), list():
            return [_mask_value(each, item) for each in value[:_MAX_ITEMS]]
        case Scalar(numeric=True), int() | float() if not isinstance(value, bool):
            return value if abs(value) < _LARGEST_NUMBER else _mask(value)
        case Scalar(), str():
            return value if shape.accepts(value) and looks_like_name(value) else _mask(value)
        case Scalar(), _ if shape.accepts(value):
            return value
    return _mask(value)


def _mask_object(value: Mapping[str, Any], shape: MapOf) -> dict[str, object]:
    """Known keys stay; in a map of names to something, keys that look like names do."""
    masked: dict[str, object] = {}
    for key, inner in islice(value.items(), _MAX_ITEMS + len(shape.fields)):
        known = shape.fields.get(key)
        if known is None and looks_like_name(key):
            known = shape.values
        shown = f"[redacted key {len(masked) + 1}]" if known is None else key
        masked[shown] = _mask_value(inner, known)
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
