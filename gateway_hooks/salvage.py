"""What was generated in a JSON answer that was cut short or broken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT: Final = re.compile(
    rb'"(?:content|refusal|text|arguments)"\s*:\s*"(?P<text>(?:[^"\\]|\\.)*)', re.DOTALL
)


def cut_texts(data: bytes) -> Iterator[str]:
    """The generated texts in `data`, the last one up to where it was cut."""
    for match in _TEXT.finditer(data):
        try:
            yield msgspec.json.decode(b'"%s"' % match["text"], type=str)
        except ValueError:  # half an escape or half a character at the cut
            yield match["text"].decode("utf-8", "replace")
