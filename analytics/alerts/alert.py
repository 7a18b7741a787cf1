"""An alert: one thing that somebody should know once, and the id it has wherever it goes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Kind = Literal["budget", "forecast", "quota", "anomaly", "unpriced", "pipeline", "test"]
VERSION = 1
"""Of the payload; it grows when a reader of it would have to change."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What is told, to whom, and what makes it the same alert when it is found again."""

    kind: Kind
    subject: str
    """What it is about: a budget, a deployment, a key, a model."""
    period: str
    """When: it may come again in another period."""
    threshold: str
    """Which limit was crossed; empty where there is only one."""
    title: str
    text: str
    channels: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    """Names and values for programs and for the lines below the text; amounts as text, exact."""
    superseded: bool = False
    """A higher threshold was crossed at the same time, so this one is only noted."""

    @property
    def alert_id(self) -> str:
        """The same for the same kind, subject, period and threshold, whenever and wherever."""
        parts = json.dumps([self.kind, self.subject, self.period, self.threshold])
        return f"a_{hashlib.sha256(parts.encode()).hexdigest()[:24]}"

    def payload(self, raised_at: datetime) -> str:
        """What channels are given, as JSON; kept, so that each attempt sends the same."""
        return json.dumps(
            {
                "version": VERSION,
                "id": self.alert_id,
                "kind": self.kind,
                "subject": self.subject,
                "period": self.period,
                "threshold": self.threshold,
                "title": self.title,
                "text": self.text,
                "facts": dict(self.facts),
                "raised_at": raised_at.astimezone(UTC).isoformat(),
            }
        )


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel sends. `alert_id` is the same at every attempt: receivers know a repeat."""

    alert_id: str
    kind: str
    title: str
    text: str
    facts: Mapping[str, str]
    payload: str
    """All of it as JSON."""

    @classmethod
    def read(cls, payload: str) -> Message:
        """The message of a payload."""
        said = json.loads(payload)
        return cls(said["id"], said["kind"], said["title"], said["text"], said["facts"], payload)


class DeliveryFailed(Exception):
    """A channel could not hand over a message; one line without secrets."""


class Channel(Protocol):
    """Hands messages over to people or programs."""

    def send(self, message: Message) -> None:
        """Hand over one message; blocks for no longer than the channel's own time limit.

        Raises:
            DeliveryFailed: it was not taken, or nobody knows whether it was.
        """
