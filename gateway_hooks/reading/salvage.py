"""What can be saved of a JSON answer that was cut short, is broken, or is too long to be kept."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

TAIL_BYTES: Final = 1 << 14
"""How much of an answer's end is searched for usage; what follows usage in an answer is short."""

_TEXT: Final = re.compile(
    rb'"(?:content|refusal|text|arguments)"\s*:\s*"(?P<text>(?:[^"\\]|\\.)*)', re.DOTALL
)
# Inside a text both quotes would be escaped, so what a model writes cannot look like this.
_USAGE: Final = re.compile(rb'(?<!\\)"usage"\s*:\s*(?=\{)')
_decoder: Final = json.JSONDecoder()


def last_usage(tail: bytes) -> object:
    """The last whole `usage` object in an answer's end; None when there is none."""
    found = None
    for match in _USAGE.finditer(tail):
        try:
            found, _ = _decoder.raw_decode(tail[match.end() :].decode("utf-8", "replace"))
        except (ValueError, RecursionError):  # cut within
            continue
    return found


def cut_texts(data: bytes) -> Iterator[str]:
    """The generated texts in `data`, the last one up to where it was cut."""
    for match in _TEXT.finditer(data):
        try:
            yield msgspec.json.decode(b'"%s"' % match["text"], type=str)
        except ValueError:  # half an escape or half a character at the cut
            yield match["text"].decode("utf-8", "replace")
