"""The access log: a line of JSON for each request, made of its event. No content, no keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from typing import BinaryIO

    from gateway_hooks.event import UsageEvent

_SHOWN: Final = (
    "started_at", "event_id", "request_id", "key_id", "key_name", "team", "product", "operation",
    "deployment", "request_model", "response_model", "stream", "status_code", "error_code",
    "duration_ms", "gateway_overhead_ms", "input_tokens", "output_tokens", "usage_source",
    "throttled_by", "client_disconnected", "decisions",
)  # fmt: skip
_encoder: Final = msgspec.json.Encoder()


class AccessLog:
    """Writes one line for each event."""

    def __init__(self, out: BinaryIO | None = None) -> None:
        self._out = sys.stdout.buffer if out is None else out

    def write(self, event: UsageEvent) -> None:
        """Write an event's line."""
        line: dict[str, object] = {name: event[name] for name in _SHOWN if name in event}
        attempts = event.get("attempts")
        if attempts:
            line["backends"] = [attempt["backend"] for attempt in attempts]
        self._out.write(_encoder.encode(line) + b"\n")
        self._out.flush()
