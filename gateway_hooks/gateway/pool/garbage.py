"""Answers that are none: a login page, half a JSON text, a stream that is no stream.

A proxy or a broken backend may say 200 to anything. What a model's answer cannot look like is
treated as a failure of the backend, before the caller has seen any of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway_hooks.reading.operations import Call

_NOT_MODELS: Final = ("text/html", "application/xhtml")
_FRAME_STARTS: Final = (b"data:", b"event:", b"id:", b"retry:", b":", b"\xef\xbb\xbf")
_json: Final = msgspec.json.Decoder(msgspec.Raw)


def is_garbage(call: Call, headers: Mapping[str, str], head: bytes, *, whole: bool) -> bool:
    """Whether a good status stands on an answer that no model gives.

    Args:
        call: what was asked; of what is no known operation nothing is expected.
        headers: of the answer, names in lower case.
        head: its beginning.
        whole: whether that is all of it.
    """
    if call.operation == "other" or "content-encoding" in headers:
        return False
    kind = headers.get("content-type", "").lower()
    if kind.startswith(_NOT_MODELS):
        return True
    if kind.startswith("application/json"):
        return whole and not _is_json(head)
    if kind.startswith("text/event-stream"):
        start = head.lstrip(b"\r\n")
        return bool(start) and not any(
            start.startswith(known) or known.startswith(start) for known in _FRAME_STARTS
        )
    return False


def _is_json(text: bytes) -> bool:
    if not text:
        return True  # 204 and the like; the meter calls it an empty answer
    # As lenient as the meter: some backends send NaN or a byte order mark in good answers.
    return wire.decode(text, _json) is not None
