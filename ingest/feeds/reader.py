"""Reads messages of other gateways' logs; the shape of each record says which feed it is of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from pydantic import ValidationError

from gateway_hooks.clock import SystemClock
from gateway_hooks.compose_attempt import Backends
from gateway_hooks.compose_event import OperatorFacts
from gateway_hooks.fingerprint import Fingerprinter
from ingest.decode import decode_line, explain
from ingest.feeds.ai_hub_gateway import AiHubGateway
from ingest.feeds.apim_diagnostics import ApimDiagnostics
from ingest.feeds.azure_openai_logs import AzureOpenAILogs
from ingest.feeds.litellm_payload import LiteLLMPayload
from ingest.feeds.messages import Broken, read_values
from ingest.feeds.otlp_spans import OtlpSpans
from ingest.feeds.types import FeedFacts, FeedPart, Record, Refused, Rejected, Translated
from ingest.redact import describe_bytes, key_names, redact_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from gateway_hooks.event import UsageEvent
    from gateway_hooks.settings import BackendFacts, KeyAlias
    from ingest.feeds.types import Feed

OWN: Final = "gatemeter"
UNKNOWN: Final = "unknown"
_OWN_BEGINNINGS: Final = (b'{"event_id":"', b'{"event_id": "')
FEEDS: Final[tuple[Feed, ...]] = (
    OtlpSpans(),
    LiteLLMPayload(),
    AzureOpenAILogs(),
    ApimDiagnostics(),
    AiHubGateway(),
)
"""Every feed, the most particular shapes first."""
FEED_NAMES: Final = tuple(feed.name for feed in FEEDS)
_encode: Final = msgspec.json.Encoder().encode


def is_own(body: bytes) -> bool:
    """Whether a message is events of ours, by its first bytes."""
    return body.startswith(_OWN_BEGINNINGS)


class FeedReader:
    """Translates messages; one thread uses one reader."""

    def __init__(self, facts: FeedFacts, *, only: str | None = None) -> None:
        """Make a reader.

        Args:
            facts: what the settings add to events.
            only: the name of a feed, when records of others shall be refused.
        """
        self._facts = facts
        self._feeds = tuple(feed for feed in FEEDS if only in {None, feed.name})

    @classmethod
    def of(
        cls,
        *,
        salt: bytes,
        gateway: str,
        keys: Mapping[str, KeyAlias] | None = None,
        backends: Mapping[str, BackendFacts] | None = None,
        llm_alone: bool = False,
        only: str | None = None,
    ) -> Self:
        """A reader by what settings say.

        Args:
            salt: secret of the fingerprints (`gateway_hooks.settings.key_salt`).
            gateway: name of the gateway in events, where a record names none.
            keys: names and teams by fingerprint.
            backends: names, regions and types by host.
            llm_alone: store API Management's LLM logs without waiting for its gateway logs.
            only: the name of a feed, when records of others shall be refused.
        """
        fingerprints = Fingerprinter(salt)
        operator = OperatorFacts(
            gateway=gateway,
            end_user=fingerprints.end_user,
            keys=keys or {},
            backends=Backends(backends or {}),
        )
        return cls(FeedFacts(operator, fingerprints, SystemClock(), llm_alone), only=only)

    def translate(self, body: bytes, *, received_at: datetime) -> Translated:
        """What a message holds, as events of ours. Never raises, whatever the message is.

        Our own events pass as they are, by their first bytes and unread.
        """
        if is_own(body):
            lines = body if body.endswith(b"\n") else body + b"\n"
            return Translated(lines, lines.count(b"\n"), (), (), OWN)
        made = _Made(self._facts, received_at)
        for row, value in enumerate(read_values(body)):
            self._read(made, row, value)
        return made.translated()

    def _read(self, made: _Made, row: int, value: object) -> None:
        if isinstance(value, Broken):
            made.reject(row, value.reason, describe_bytes(value.piece, value.size_bytes))
        elif not isinstance(value, dict):
            made.reject(row, f"row {row} is no JSON object", redact_record(value))
        elif "event_id" in value and "schema_version" in value:
            made.feeds.append(OWN)
            made.take(row, json.dumps(value, separators=(",", ":")).encode(), value)
        else:
            record = Record(value)
            feed = next((feed for feed in self._feeds if feed.matches(record)), None)
            if feed is None:
                reason = f"no feed has this shape; its keys: {key_names(value) or 'none'}"
                made.reject(row, reason, redact_record(value))
                return
            made.feeds.append(feed.name)
            made.take_all(row, feed.read(record, self._facts), value)


class _Made:
    """What was made of the rows so far."""

    def __init__(self, facts: FeedFacts, received_at: datetime) -> None:
        self.feeds: list[str] = []
        self._facts = facts
        self._received_at = received_at
        self._lines: list[bytes] = []
        self._rejected: list[Rejected] = []
        self._parts: list[FeedPart] = []
        self._ignored = 0

    def translated(self) -> Translated:
        return Translated(
            b"".join(self._lines),
            len(self._lines),
            tuple(self._rejected),
            tuple(self._parts),
            self.feeds[0] if self.feeds else UNKNOWN,
            self._ignored,
        )

    def reject(self, row: int, reason: str, line: str) -> None:
        self._rejected.append(Rejected(row, reason, line))

    def take_all(
        self, row: int, outcomes: Iterable[UsageEvent | FeedPart | Refused], value: dict[str, Any]
    ) -> None:
        nothing = True
        for outcome in outcomes:
            nothing = False
            if isinstance(outcome, Refused):
                self.reject(row, outcome.reason, "" if outcome.secret else redact_record(value))
            elif isinstance(outcome, FeedPart):
                self._take_part(row, outcome, value)
            else:
                self.take(row, _encode(outcome), value)
        self._ignored += nothing

    def take(self, row: int, line: bytes, value: dict[str, Any]) -> None:
        checked = self._checked(row, line, value)
        if checked is not None:
            self._lines.append(checked + b"\n")

    def _take_part(self, row: int, part: FeedPart, value: dict[str, Any]) -> None:
        if self._checked(row, part.fields.encode(), value) is not None:
            self._parts.append(replace(part, received_at=self._received_at))

    def _checked(self, row: int, line: bytes, value: dict[str, Any]) -> bytes | None:
        try:
            return decode_line(line)
        except ValueError as error:
            reason = explain(error) if isinstance(error, ValidationError) else str(error)
            self.reject(row, reason, redact_record(value))
            return None
