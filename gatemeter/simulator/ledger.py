"""What the simulated provider billed: the truth that a meter's figures are compared with."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT: Final = 200_000
QUANTITIES: Final = (
    "input_tokens",
    "cached_input_tokens",
    "audio_input_tokens",
    "image_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
    "audio_output_tokens",
    "image_output_tokens",
    "images",
    "audio_seconds",
    "characters",
)


@dataclass(frozen=True, slots=True)
class Used:
    """Quantities of one operation; token totals include their parts."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    audio_input_tokens: int = 0
    image_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_output_tokens: int = 0
    audio_output_tokens: int = 0
    image_output_tokens: int = 0
    images: int = 0
    audio_seconds: float = 0.0
    characters: int = 0

    def with_output(self, tokens: int) -> Used:
        """The same with another count of output tokens: what was generated until a stream ended."""
        return replace(
            self,
            output_tokens=tokens,
            reasoning_output_tokens=min(self.reasoning_output_tokens, tokens),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer. Only statuses 200 and 400 (content filter) are billed, as Azure does."""

    request_id: str
    operation: str
    deployment: str
    model: str
    status_code: int
    region: str
    used: Used = field(default_factory=Used)
    response_id: str | None = None
    client_request_id: str | None = None
    streamed: bool = False
    finished: bool = True
    fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, the quantities beside the rest."""
        plain = asdict(self)
        quantities: dict[str, Any] = plain.pop("used")
        return plain | quantities


class Ledger:
    """Keeps entries in order; safe to read from another thread. The oldest go first when full."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._entries: deque[Entry] = deque()
        self._by_client_id: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Write one line."""
        with self._lock:
            self._entries.append(entry)
            if entry.client_request_id is not None:
                self._by_client_id.setdefault(entry.client_request_id, []).append(entry)
            if len(self._entries) > self._kept:
                oldest = self._entries.popleft()
                self._by_client_id.pop(oldest.client_request_id or "", None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._by_client_id.clear()

    def of_client_request(self, client_request_id: str) -> list[Entry]:
        """The lines of the request that its caller gave this x-ms-client-request-id."""
        with self._lock:
            return list(self._by_client_id.get(client_request_id, ()))

    def entries(self, **wanted: object) -> list[Entry]:
        """The lines whose fields have the wanted values, oldest first."""
        with self._lock:
            snapshot = list(self._entries)
        return [
            entry
            for entry in snapshot
            if all(getattr(entry, name) == value for name, value in wanted.items())
        ]

    def totals(self) -> dict[str, dict[str, float]]:
        """Sums of every quantity by operation."""
        return totals(self.entries())


def totals(entries: Iterable[Entry]) -> dict[str, dict[str, float]]:
    """Sums of every quantity by operation, with the number of `requests`."""
    sums: dict[str, Counter[str]] = {}
    for entry in entries:
        counter = sums.setdefault(entry.operation, Counter())
        counter["requests"] += 1
        for name in QUANTITIES:
            counter[name] += getattr(entry.used, name)
    return {operation: dict(counter) for operation, counter in sorted(sums.items())}
