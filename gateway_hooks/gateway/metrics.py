"""Metrics for Prometheus, under the names of OpenTelemetry's GenAI conventions; made of the events.

Each event is counted once, when it is recorded, so metrics and store tell the same story. What a
caller can make up (a deployment's name) becomes a label only while there are few of them.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Final, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway_hooks.event import UsageEvent

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_MOST_NAMES: Final = 500
_OTHER: Final = "other"
_SECONDS: Final = (
    0.01,
    0.02,
    0.04,
    0.08,
    0.16,
    0.32,
    0.64,
    1.28,
    2.56,
    5.12,
    10.24,
    20.48,
    40.96,
    81.92,
)
_TOKENS: Final = tuple(4**power for power in range(14))
_CALL: Final = ("gen_ai_operation_name", "gen_ai_request_model")
_KINDS: Final = (("input", "input_tokens"), ("output", "output_tokens"))
Family = TypeVar("Family", Counter, Histogram)


def _labelled(family: Family) -> Callable[..., Family]:
    """The metric of some labels; the library's own look-up costs as much as counting."""
    return functools.cache(family.labels)


class Metrics:
    """The metrics of a process, or of all that share PROMETHEUS_MULTIPROC_DIR."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._names: set[str] = set()
        self._tokens = _labelled(Histogram(
            "gen_ai_client_token_usage", "Tokens of a request", (*_CALL, "gen_ai_token_type"),
            buckets=_TOKENS, registry=registry,
        ))  # fmt: skip
        self._duration = _labelled(Histogram(
            "gen_ai_server_request_duration_seconds", "Time from request to the answer's end",
            (*_CALL, "http_response_status_code"), buckets=_SECONDS, registry=registry,
        ))  # fmt: skip
        self._first = _labelled(Histogram(
            "gen_ai_server_time_to_first_token_seconds", "Time to a stream's first content",
            _CALL, buckets=_SECONDS, registry=registry,
        ))  # fmt: skip
        self._overhead = Histogram(
            "gatemeter_overhead_seconds", "Duration less the time spent waiting for backends",
            buckets=tuple(second / 100 for second in _SECONDS), registry=registry,
        )  # fmt: skip
        self._attempts = _labelled(Counter(
            "gatemeter_backend_attempts", "Calls to backends",
            ("backend", "http_response_status_code", "error_type"), registry=registry,
        ))  # fmt: skip
        self._decisions = _labelled(Counter(
            "gatemeter_decisions", "What policies did to requests, when it was more than let pass",
            ("policy", "action", "reason"), registry=registry,
        ))  # fmt: skip

    def count(self, event: UsageEvent) -> None:
        """Count one event."""
        operation = event["operation"]
        model = self._known(event.get("deployment") or event.get("request_model") or "", event)
        status = str(event["status_code"])
        self._duration(operation, model, status).observe(event.get("duration_ms", 0.0) / 1e3)
        for kind, field in _KINDS:
            tokens = event.get(field)
            if isinstance(tokens, int):
                self._tokens(operation, model, kind).observe(tokens)
        first = event.get("time_to_first_chunk_ms")
        if first is not None:
            self._first(operation, model).observe(first / 1e3)
        overhead = event.get("gateway_overhead_ms")
        if overhead is not None:
            self._overhead.observe(overhead / 1e3)
        for attempt in event.get("attempts", ()):
            answered, failed = attempt.get("status_code"), attempt.get("error_type", "")
            self._attempts(attempt["backend"], str(answered or ""), failed).inc()
        for decision in event.get("decisions", ()):
            self._decisions(
                decision["policy"], decision["action"], decision.get("reason", "")
            ).inc()

    def text(self) -> bytes:
        """All of them, in Prometheus' text format; of several worker processes their sums."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self._registry)
        # Whichever process is asked, it reads what all of them have written to the folder.
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call] # the library has no types
        return generate_latest(together)

    def _known(self, name: str, event: UsageEvent) -> str:
        """A name as label: only what a backend has answered to, and only so many."""
        if name in self._names:
            return name
        served = any(one.get("status_code") == 200 for one in event.get("attempts", ()))  # noqa: PLR2004
        if not served or len(self._names) >= _MOST_NAMES:
            return _OTHER
        self._names.add(name)
        return name
