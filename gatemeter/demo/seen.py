"""The client's side of the books: what the answers that the callers got say was used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatemeter.simulator.ledger import Entry

QUANTITIES: Final = (
    "input_tokens",
    "output_tokens",
    "images",
    "characters",
    "audio_seconds",
)
"""What is compared, besides the number of requests."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as its caller saw it."""

    operation: str
    status_code: int = 200
    input_tokens: int = 0
    output_tokens: int = 0
    images: int = 0
    characters: int = 0
    audio_seconds: float = 0.0

    @classmethod
    def billed(cls, operation: str, entries: Iterable[Entry], status_code: int = 200) -> Seen:
        """A request whose answer told no usage: what the provider's own ledger says of it."""
        used = [entry.used for entry in entries]
        return cls(
            operation,
            status_code,
            input_tokens=sum(one.input_tokens for one in used),
            output_tokens=sum(one.output_tokens for one in used),
        )


class ClientBooks:
    """Sums of what was seen, by operation."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, float]] = {}
        self.requests = 0

    def add(self, seen: Seen) -> None:
        """Count one request."""
        self.requests += 1
        sums = self._sums.setdefault(seen.operation, dict.fromkeys(("requests", *QUANTITIES), 0))
        sums["requests"] += 1
        for name in QUANTITIES:
            sums[name] += getattr(seen, name)

    def operations(self) -> dict[str, dict[str, float]]:
        """Requests and quantities by operation."""
        return {
            operation: {name: sums[name] for name in ("requests", *QUANTITIES)}
            for operation, sums in sorted(self._sums.items())
        }
