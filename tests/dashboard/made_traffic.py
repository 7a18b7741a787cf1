"""Made-up traffic that looks like a company's: office hours, noisy batch jobs, one bad afternoon.

Deterministic for a seed, so that tests may count on it and pictures stay the same. Nothing in it
comes from anybody's requests.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from analytics.load import Loader
from analytics.types import Advance, Batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamlit.testing.v1 import AppTest

    from analytics.store import Store

SOURCE = "made"


@dataclass(frozen=True, slots=True)
class Caller:
    """A key, whose it is, and what it asks for."""

    name: str
    team: str
    model: str
    operation: str
    weight: float
    input_tokens: int
    output_tokens: int
    cached: float
    night: bool = False


@dataclass(frozen=True, slots=True)
class Backend:
    """A resource that serves; `limit` is what its tokens a minute start from."""

    name: str
    region: str
    deployment_type: str
    limit: int
    latency_ms: float


CALLERS = (
    Caller("checkout-assistant", "commerce", "gpt-4.1", "chat", 5.0, 2600, 420, 0.55),
    Caller("support-copilot", "customer-care", "gpt-4.1", "chat", 4.0, 4800, 650, 0.35),
    Caller("search-rerank", "commerce", "gpt-4.1-mini", "chat", 9.0, 1900, 60, 0.2),
    Caller("doc-embedder", "knowledge", "text-embedding-3-large", "embeddings", 7.0, 6200, 0, 0.0),
    Caller("contract-review", "legal", "gpt-4.1", "responses", 0.8, 21000, 1900, 0.1),
    Caller(
        "nightly-summaries", "knowledge", "gpt-4.1-mini", "chat", 6.0, 9000, 900, 0.0, night=True
    ),
    Caller("data-science-lab", "research", "o4-mini", "responses", 1.6, 3200, 2800, 0.15),
)
BACKENDS = (
    Backend("aoai-swedencentral", "swedencentral", "global", 450_000, 900.0),
    Backend("aoai-eastus2", "eastus2", "data_zone", 300_000, 1250.0),
    Backend("aoai-westeurope", "westeurope", "regional", 150_000, 1050.0),
)
PRICES = {
    ("gpt-4.1", "input"): "0.000002",
    ("gpt-4.1", "cached_input"): "0.0000005",
    ("gpt-4.1", "output"): "0.000008",
    ("gpt-4.1-mini", "input"): "0.0000004",
    ("gpt-4.1-mini", "cached_input"): "0.0000001",
    ("gpt-4.1-mini", "output"): "0.0000016",
    ("o4-mini", "input"): "0.0000011",
    ("o4-mini", "cached_input"): "0.000000275",
    ("o4-mini", "output"): "0.0000044",
    ("text-embedding-3-large", "input"): "0.00000013",
}
"""US dollars a token, made up."""
UNPRICED_MODEL = "phi-house-finetune"


def events(
    *, until: datetime, days: float, per_hour: float, seed: int = 7
) -> Iterator[dict[str, Any]]:
    """Events in the order in which their requests began."""
    rnd = random.Random(seed)  # noqa: S311 - made-up traffic
    moment = until - timedelta(days=days)
    bad_day = (until - timedelta(days=min(days, 2.0) * 0.62)).replace(minute=0)
    number = 0
    while True:
        moment += timedelta(seconds=rnd.expovariate(per_hour / 3600 * _pace(moment)))
        if moment >= until:
            return
        number += 1
        yield _event(rnd, number, moment, _strain(moment, bad_day))


def set_prices(store: Store) -> None:
    """Give the store a small rate card that holds everywhere and always."""
    with store.transaction() as connection:
        for (model, meter), price in PRICES.items():
            connection.execute(
                "INSERT INTO rates (rate_id, provider, model, meter, service_tier, context_tier, "
                "currency, unit, price, valid_from, source, source_version) VALUES "
                "(?, 'azure', ?, ?, 'standard', 'standard', 'USD', 'token', ?, "
                "TIMESTAMPTZ '2020-01-01 00:00:00Z', 'file', 'test')",
                [f"test:{model}:{meter}", model, meter, price],
            )


def with_more_tokens(event: dict[str, Any], factor: int) -> dict[str, Any]:
    """The event with longer prompts and answers."""
    tokens = ("input_tokens", "cached_input_tokens", "output_tokens")
    return event | {name: event[name] * factor for name in tokens if name in event}


def load(store: Store, made: Sequence[dict[str, Any]], *, clock: Any, batch: int = 5_000) -> int:
    """Store the events through the loader; how many were stored."""
    loader = Loader(store, clock)
    before = loader.positions(SOURCE).get("0")
    stored = 0
    for start in range(0, len(made), batch):
        lines = b"".join(
            msgspec.json.encode(event) + b"\n" for event in made[start : start + batch]
        )
        after = (before or 0) + len(lines)
        stored += loader.load(Batch(lines, (Advance(SOURCE, "0", before, after),))).stored
        before = after
    return stored


def event_id(moment: datetime, number: int) -> str:
    """A UUIDv7 of a moment, different for each number."""
    milliseconds = int(moment.timestamp() * 1000)
    return (
        f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{number % 4096:03x}-"
        f"8{number // 4096 % 4096:03x}-{number:012x}"
    )


def stamp(moment: datetime) -> str:
    """A moment as events write it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def plain_event(moment: datetime, number: int = 1, **fields: Any) -> dict[str, Any]:
    """One answered chat request of 1,000 tokens in and 100 out, by one caller at one backend."""
    attempt = {
        "backend": "aoai-one",
        "region": "swedencentral",
        "deployment": "gpt-4.1",
        "deployment_type": "global",
        "status_code": 200,
        "offset_ms": 0.0,
        "duration_ms": 800.0,
        "remaining_tokens": 90_000,
    }
    event = {
        "event_id": event_id(moment, number),
        "schema_version": 1,
        "started_at": stamp(moment),
        "gateway": "gateway-1",
        "auth_type": "api_key",
        "key_id": "k_00000000000000aa",
        "key_name": "checkout",
        "team": "commerce",
        "operation": "chat",
        "request_model": "gpt-4.1",
        "response_model": "gpt-4.1",
        "deployment": "gpt-4.1",
        "usage_source": "reported",
        "input_tokens": 1000,
        "output_tokens": 100,
        "duration_ms": 801.0,
        "status_code": 200,
        "attempts": [attempt],
    }
    return event | fields


def _pace(moment: datetime) -> float:
    """How busy an hour is: office hours in Europe, quieter weekends."""
    hour = moment.hour + moment.minute / 60
    day = 0.25 + math.exp(-(((hour - 13) / 4.2) ** 2)) * 1.5
    return day * (0.45 if moment.weekday() >= 5 else 1.0)


def _strain(moment: datetime, bad_day: datetime) -> float:
    """How short of capacity the first backend is, 0 to 1."""
    hours = abs((moment - bad_day).total_seconds()) / 3600
    daily = 0.10 * math.exp(-(((moment.hour - 13) / 2.5) ** 2))
    return min(0.85, daily + 0.75 * math.exp(-((hours / 1.8) ** 2)))


def _event(rnd: random.Random, number: int, moment: datetime, strain: float) -> dict[str, Any]:
    night = moment.hour < 5
    callers = [caller for caller in CALLERS if caller.night == night or rnd.random() < 0.5]
    caller = rnd.choices(callers, [one.weight for one in callers])[0]
    unknown = caller.name == "data-science-lab" and rnd.random() < 0.06
    model = UNPRICED_MODEL if unknown else caller.model
    streamed = caller.operation in {"chat", "responses"} and rnd.random() < 0.6
    attempts, offset = _attempts(rnd, model, strain, caller)
    last = attempts[-1]
    status = last["status_code"]
    event: dict[str, Any] = {
        "event_id": event_id(moment, number),
        "schema_version": 1,
        "started_at": stamp(moment),
        "gateway": "gateway-1",
        "auth_type": "api_key",
        "key_id": f"k_{hash_of(caller.name):016x}",
        "key_name": caller.name,
        "team": caller.team,
        "operation": caller.operation,
        "api_version": "2025-04-01-preview",
        "stream": streamed,
        "request_model": model,
        "deployment": model,
        "usage_source": "none",
        "duration_ms": round(offset + last["duration_ms"] + 1.4, 1),
        "gateway_overhead_ms": round(1 + rnd.random(), 2),
        "status_code": status,
        "attempts": attempts,
    }
    if status == 200:
        _add_usage(
            rnd, event, caller, model, streamed=streamed, first_ms=offset + last["duration_ms"]
        )
    elif status == 429:
        event |= {"throttled_by": "backend", "error_type": "429"}
    else:
        event["error_type"] = "server_error"
    return event


def _add_usage(
    rnd: random.Random,
    event: dict[str, Any],
    caller: Caller,
    model: str,
    *,
    streamed: bool,
    first_ms: float,
) -> None:
    input_tokens = max(8, round(caller.input_tokens * rnd.lognormvariate(0, 0.5)))
    event["usage_source"] = "reported"
    event["response_model"] = model
    event["input_tokens"] = input_tokens
    if caller.cached and rnd.random() < 0.8:
        event["cached_input_tokens"] = round(
            input_tokens * min(0.95, caller.cached * rnd.uniform(0.7, 1.6))
        )
    if caller.output_tokens:
        event["output_tokens"] = max(1, round(caller.output_tokens * rnd.lognormvariate(0, 0.6)))
    if streamed:
        event["time_to_first_chunk_ms"] = round(first_ms * rnd.uniform(0.2, 0.35), 1)
        if rnd.random() < 0.04:
            event |= {"usage_source": "estimated", "client_disconnected": True}


def _attempts(
    rnd: random.Random, model: str, strain: float, caller: Caller
) -> tuple[list[dict[str, Any]], float]:
    """Calls to backends until one answers; the time until the last one began."""
    order = list(BACKENDS)
    if rnd.random() < 0.3:
        order = order[1:] + order[:1]
    attempts: list[dict[str, Any]] = []
    offset = 0.0
    for backend in order:
        load = strain * (1.0 if backend is BACKENDS[0] else 0.45 if backend is BACKENDS[1] else 0.2)
        attempt = _attempt(rnd, backend, model, load, caller)
        attempt["offset_ms"] = round(offset, 1)
        attempts.append(attempt)
        if attempt["status_code"] == 200:
            break
        if len(attempts) < len(order):
            offset += attempt["duration_ms"] + 2.0
    return attempts, offset


def _attempt(
    rnd: random.Random, backend: Backend, model: str, load: float, caller: Caller
) -> dict[str, Any]:
    attempt: dict[str, Any] = {
        "backend": backend.name,
        "region": backend.region,
        "deployment": model,
        "deployment_type": backend.deployment_type,
        "limit_tokens": backend.limit,
    }
    if rnd.random() < load * 0.8:
        kind = rnd.choices(("token_rate", "call_rate", "busy"), (7, 2, 1))[0]
        return attempt | {
            "status_code": 429,
            "throttle": kind,
            "duration_ms": round(rnd.uniform(12, 60), 1),
            "retry_after_ms": float(rnd.choice((1000, 2000, 6000, 14000, 31000))),
            "remaining_tokens": 0 if kind == "token_rate" else rnd.randrange(4000),
        }
    if rnd.random() < 0.004:
        return attempt | {"status_code": 503, "duration_ms": round(rnd.uniform(80, 900), 1)}
    work = backend.latency_ms * (
        0.25 if not caller.output_tokens else 0.3 + caller.output_tokens / 600
    )
    left = backend.limit * (1 - load) * rnd.uniform(0.35, 0.95)
    return attempt | {
        "status_code": 200,
        "duration_ms": round(work * rnd.lognormvariate(0, 0.45) * (1 + load), 1),
        "remaining_tokens": int(left),
    }


def hash_of(name: str) -> int:
    """A stable number of a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


class WallClock:
    """The machine's own clock, as the loader wants one."""

    def now(self) -> datetime:
        """The time now, in UTC."""
        return datetime.now(UTC)


def ago(**parts: float) -> datetime:
    """A moment before now, by the parts of a timedelta."""
    return datetime.now(UTC) - timedelta(**parts)


def metrics(app: AppTest) -> dict[str, str]:
    """The tiles of a page: label and value."""
    return {metric.label: metric.value for metric in app.metric}
