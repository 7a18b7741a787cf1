"""The nouns of the store that other rooms use, each with one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from gateway_hooks.event import DeploymentType


class Clock(Protocol):
    """Tells the time; tests advance a fake one."""

    def now(self) -> datetime:
        """The time now, aware and in UTC. Never blocks."""


@dataclass(frozen=True, slots=True)
class Advance:
    """A partition's position moves from what was read (None: never seen) to what is now stored."""

    source: str
    partition: str
    before: int | None
    after: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A line of the log that is no event: where it stood, what is wrong, and the line redacted."""

    source: str
    partition: str
    position: int
    reason: str
    line: str


@dataclass(frozen=True, slots=True)
class FeedPart:
    """One half of a request that a gateway logs in two records; `load.join` puts them together.

    `fields` is an event of ours as JSON, whole and valid by itself, made of what this half knows.
    Times are aware.
    """

    correlation_id: str
    kind: Literal["gateway", "llm"]
    """`gateway` knows caller, outcome and backend, `llm` knows the tokens."""
    recorded_at: datetime
    """The record's own time."""
    received_at: datetime
    fields: str
    request_id: str = ""
    """Of an `llm` half: tokens of different requests of one correlation id add up."""
    sequence: int = 0
    """Of an `llm` half that was split into several records, which say the same tokens or none."""
    ready: bool = False
    """Whether it is an event also without its other half, and does not wait for it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction stores: events as NDJSON, dead letters, and how far the log was read.

    `parts` are halves of requests; an event is made of each pair, now or when the other half comes.
    """

    lines: bytes
    advances: tuple[Advance, ...]
    dead_letters: tuple[DeadLetter, ...] = ()
    parts: tuple[FeedPart, ...] = ()
    validated: bool = False
    """Whether each line was held against the event's definition, so that doubts are settled."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What became of a batch: stored + duplicates = its events; its dead letters come on top.

    `joined` events were made of halves, of this batch and of those before it; `corrected` of them
    replaced one that was stored when its other half had not come.
    """

    stored: int
    duplicates: int
    dead_letters: int
    joined: int = 0
    corrected: int = 0


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is known of a deployment in a period, because its name tells nothing."""

    name: str
    model: str
    version: str | None = None
    deployment_type: DeploymentType | None = None
    region: str | None = None
    backend: str | None = None
    """As events name it: a host, or the name that the settings give to one. None is any."""
    sku: str | None = None
    """Azure's word for how it is sold, such as `GlobalStandard`."""
    capacity: int | None = None
    """In units of the sku: thousands of tokens a minute, or provisioned throughput units."""
    tokens_per_minute: int | None = None
    requests_per_minute: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    source: Literal["settings", "az"] = "settings"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which traffic a report is about: a period of aware datetimes, and exact values or None.

    Rollups know whole UTC hours, so a period that starts or ends inside an hour is widened to it.
    """

    since: datetime
    until: datetime
    key: str | None = None
    team: str | None = None
    backend: str | None = None
    model: str | None = None
    deployment: str | None = None
    operation: str | None = None
