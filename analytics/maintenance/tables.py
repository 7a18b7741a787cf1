"""How the rows of each busy table are written anew: as they are, or added up.

The rollups hold deltas: several rows of the same dimensions, whose measures add up. Written anew,
they become one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A table and the query that its rows are written anew with; `{files}` are those read."""

    table: str
    select: str

    @classmethod
    def as_they_are(cls, table: str) -> Rewrite:
        """Rows stay what they are, in their order."""
        return cls(table, f"SELECT * FROM usage.{table} WHERE filename IN ({{files}})")  # noqa: S608 - our own name

    @classmethod
    def added_up(cls, table: str, dimensions: tuple[str, ...], measures: dict[str, str]) -> Rewrite:
        """Rows of the same dimensions become one; `measures` says how each is put together."""
        keys = ", ".join(dimensions)
        values = ", ".join(f"{how}({name}) AS {name}" for name, how in measures.items())
        return cls(
            table,
            f"SELECT {keys}, {values} FROM usage.{table} WHERE filename IN ({{files}}) "  # noqa: S608 - our own names
            f"GROUP BY {keys} ORDER BY hour",
        )


def _sums(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "sum")


_CALLER: Final = ("hour", "key_id", "key_name", "team")
_PLACE: Final = ("backend", "region", "deployment", "deployment_type")

REWRITES: Final = (
    Rewrite.as_they_are("events"),
    Rewrite.as_they_are("attempts"),
    Rewrite.as_they_are("feed_parts"),
    Rewrite.as_they_are("feed_joins"),
    Rewrite.added_up(
        "charges_hourly",
        (
            *_CALLER, *_PLACE, "model", "model_version", "operation", "usage_source", "meter",
            "rate_id", "unpriced_reason", "currency", "request_model", "response_model",
            "service_tier", "context_tier", "image_size", "image_quality", "stated_type",
            "stated_region",
        ),
        _sums("requests", "quantity", "cost"),
    ),
    Rewrite.added_up(
        "traffic_hourly",
        (*_CALLER, *_PLACE, "model", "operation"),
        _sums(
            "requests", "errors", "throttled_requests", "gateway_throttled_requests",
            "cache_hits", "client_disconnects", "estimated_requests",
            "input_tokens", "cached_input_tokens", "output_tokens", "attempts", "retries",
            "failed_attempts", "throttled_attempts", "throttled_token_rate",
            "throttled_call_rate", "throttled_busy", "throttled_capacity", "throttled_unknown",
            "retry_after_count", "retry_after_ms_sum",
        )
        | {
            "throttled_minutes": "bit_or",
            "retry_after_ms_max": "max",
            "min_remaining_tokens": "min",
            "min_remaining_requests": "min",
            "max_utilization": "max",
        },
    ),
    Rewrite.added_up(
        "latency_hourly",
        ("hour", "backend", "deployment", "model", "operation", "stream", "measure", "bucket"),
        _sums("requests"),
    ),
)  # fmt: skip
"""The tables that every commit adds a file to."""
