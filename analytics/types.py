"""The nouns of the store that other rooms use, each with one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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
class Batch:
    """What one transaction stores: events as NDJSON, dead letters, and how far the log was read."""

    lines: bytes
    advances: tuple[Advance, ...]
    dead_letters: tuple[DeadLetter, ...] = ()
    validated: bool = False
    """Whether each line was held against the event's definition, so that doubts are settled."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What became of a batch: stored + duplicates = its events; its dead letters come on top."""

    stored: int
    duplicates: int
    dead_letters: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """What configuration says of a deployment, because its name tells nothing."""

    name: str
    model: str
    version: str | None = None
    deployment_type: DeploymentType | None = None
    region: str | None = None


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
