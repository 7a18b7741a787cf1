"""Made-up events and clocks for tests of analytics."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from analytics.types import Advance, Batch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.load import Loader
    from analytics.types import LoadResult

MORNING = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@dataclass
class FakeClock:
    """Time that passes only when a test says so."""

    time: datetime = field(default=MORNING + timedelta(days=1))

    def now(self) -> datetime:
        """The time."""
        return self.time

    def advance(self, **parts: float) -> None:
        """Let some time pass."""
        self.time += timedelta(**parts)


def event_id(number: int) -> str:
    """A version 7 UUID that counts up with `number`."""
    return f"{number >> 16:08x}-{number & 0xFFFF:04x}-7000-8000-000000000000"


def event(number: int = 1, at: datetime | None = None, **fields: Any) -> dict[str, Any]:
    """A chat request that went well; a field set to None is left out."""
    started = at or MORNING + timedelta(milliseconds=number)
    attempt = {
        "backend": "sweden",
        "region": "swedencentral",
        "deployment": "chat",
        "deployment_type": "global",
        "status_code": 200,
        "offset_ms": 1.5,
        "duration_ms": 800.0,
    }
    made = {
        "event_id": event_id(number),
        "schema_version": 1,
        "started_at": started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "gateway": "gw-1",
        "auth_type": "api_key",
        "key_id": "k_0123456789abcdef",
        "key_name": "search-app",
        "team": "search",
        "operation": "chat",
        "stream": False,
        "request_model": "chat",
        "response_model": "gpt-4o-2024-11-20",
        "deployment": "chat",
        "usage_source": "reported",
        "input_tokens": 1000,
        "cached_input_tokens": 200,
        "output_tokens": 100,
        "duration_ms": 812.5,
        "status_code": 200,
        "attempts": [attempt],
        **fields,
    }
    return {name: value for name, value in made.items() if value is not None}


def attempt(**fields: Any) -> dict[str, Any]:
    """A call to a backend that went well; a field set to None is left out."""
    made: dict[str, Any] = {"backend": "sweden", "region": "swedencentral", "deployment": "chat"}
    made |= {"deployment_type": "global", "status_code": 200, "offset_ms": 1.0, **fields}
    return {name: value for name, value in made.items() if value is not None}


def ndjson(events: Iterable[dict[str, Any]]) -> bytes:
    """Lines as the log holds them."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in events)


def load(
    loader: Loader, *events: dict[str, Any], partition: str = "writer", source: str = "queue"
) -> LoadResult:
    """Store events, going on from where the partition is."""
    before = loader.positions(source).get(partition)
    after = (before or 0) + max(len(events), 1)
    return loader.load(Batch(ndjson(events), (Advance(source, partition, before, after),)))
