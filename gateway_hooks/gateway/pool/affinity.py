"""Which backend holds what an earlier request made: stored responses and image operations.

A stored response lives on the resource that made it. The map is small and lost with the process;
whoever is not in it is looked for on each backend in turn.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from gateway_hooks.reading.operations import Call

_KEPT: Final = 50_000
_LONGEST_ID: Final = 256
# The id of a new response or operation stands near the beginning of its answer.
HEAD_BYTES: Final = 4096
_NEW_ID = re.compile(rb'"id"\s*:\s*"([A-Za-z0-9_-]{8,256})"')
_PATH_ID = re.compile(r"/(?:responses|operations/images)/([A-Za-z0-9_-]{8,256})(?:/|$)")


class Affinity:
    """Names of backends by the id of what they hold; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._holders: OrderedDict[str, str] = OrderedDict()

    def holder(self, item_id: str | None) -> str | None:
        """The backend that made an item, if it is remembered."""
        return None if item_id is None else self._holders.get(item_id)

    def remember(self, item_id: str, backend: str) -> None:
        """An item was made, or found, at a backend."""
        self._holders[item_id] = backend
        self._holders.move_to_end(item_id)
        if len(self._holders) > _KEPT:
            self._holders.popitem(last=False)


class _Body(msgspec.Struct):
    previous_response_id: msgspec.Raw = msgspec.Raw(b"null")


_body: Final = msgspec.json.Decoder(_Body)
_text: Final = msgspec.json.Decoder(str)


def wanted_item(call: Call, path: str, body: bytes | None) -> str | None:
    """The id of the stored item that a request refers to, in its path or its body."""
    if call.operation in {"fetch_response", "image_operation"}:
        found = _PATH_ID.search(path)
        return found[1] if found else None
    if call.operation == "responses" and body and b"previous_response_id" in body:
        try:
            item_id = _text.decode(_body.decode(body).previous_response_id)
        except (msgspec.DecodeError, ValueError):
            return None
        return item_id if len(item_id) <= _LONGEST_ID else None
    return None


def makes_items(call: Call, path: str) -> bool:
    """Whether the answer to a request is something that later requests refer to."""
    return call.operation == "responses" or path.endswith("/images/generations:submit")


def new_item(head: bytes) -> str | None:
    """The id in the beginning of an answer."""
    found = _NEW_ID.search(head, 0, HEAD_BYTES)
    return found[1].decode() if found else None
