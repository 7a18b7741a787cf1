"""The nouns of feeds: a message of another gateway's log, and what was made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from analytics.types import FeedPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway_hooks.clock import Clock
    from gateway_hooks.compose_event import OperatorFacts
    from gateway_hooks.event import UsageEvent
    from gateway_hooks.fingerprint import Fingerprinter

__all__ = [
    "Feed",
    "FeedFacts",
    "FeedPart",
    "Record",
    "Refused",
    "Rejected",
    "Translated",
]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row of a message that is no request: which one, why, and the row without its content."""

    row: int
    reason: str
    line: str


@dataclass(frozen=True, slots=True)
class Translated:
    """What became of a message.

    `lines` are `rows` events of ours as NDJSON, each valid; `parts` are halves of requests, which
    the store puts together; `rejected` are dead letters; `ignored` counts rows that are known to
    hold no usage, such as probes and other categories of logs.
    """

    lines: bytes
    rows: int
    rejected: tuple[Rejected, ...]
    parts: tuple[FeedPart, ...]
    feed: str
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a record is no event, in words that quote nothing of it; `secret`: keep no key either."""

    reason: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object of a message; `lower` are its values by key in lower case."""

    fields: dict[str, Any]
    lower: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lower: dict[str, Any] = {}
        for key, value in self.fields.items():
            lower.setdefault(key.lower(), value)
        object.__setattr__(self, "lower", lower)


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """What the operator's settings add to what other gateways log."""

    operator: OperatorFacts
    fingerprints: Fingerprinter
    clock: Clock
    llm_alone: bool = False
    """Whether API Management's LLM logs are stored without their gateway logs."""


class Feed(Protocol):
    """One kind of record. Nothing here blocks or raises, whatever a record holds."""

    name: str

    def matches(self, record: Record) -> bool:
        """Whether the record has this feed's shape."""

    def read(self, record: Record, facts: FeedFacts) -> Iterator[UsageEvent | FeedPart | Refused]:
        """What the record is; nothing at all when it holds no usage by its nature."""
