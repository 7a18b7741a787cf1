"""Sixty seconds that slide: what was used in them, kept by slices of time.

A slice leaves the window when its whole span is older than 60 seconds, so what is counted is what
60 to 60.1 seconds have seen: never less than any 60 seconds have. A window has a bounded number of
slices, however many requests there were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway_hooks.gateway.limits.counting import WINDOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable

SLICE_MS: Final = 100

_TOKENS = 0
_REQUESTS = 1


class Window:
    """Tokens and requests of the last minute. Times are milliseconds of one steady clock."""

    __slots__ = ("_slices", "requests", "tokens")

    def __init__(self) -> None:
        self._slices: dict[int, list[int]] = {}
        self.tokens = 0
        self.requests = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is remembered."""
        return not self._slices

    def slide(self, now_ms: int) -> None:
        """Forget what is older than a minute."""
        oldest = (now_ms - WINDOW_MS) // SLICE_MS
        while self._slices:
            first = next(iter(self._slices))
            if first >= oldest:
                return
            tokens, requests = self._slices.pop(first)
            self.tokens -= tokens
            self.requests -= requests

    def add(self, now_ms: int, tokens: int, requests: int) -> int:
        """Count, and name the slice that it was counted in."""
        number = now_ms // SLICE_MS
        held = self._slices.setdefault(number, [0, 0])
        held[_TOKENS] += tokens
        held[_REQUESTS] += requests
        self.tokens += tokens
        self.requests += requests
        return number

    def give_back(self, number: int, tokens: int) -> None:
        """Take tokens out of the slice they were counted in, if it is still in the window."""
        held = self._slices.get(number)
        if held is not None:
            returned = min(tokens, held[_TOKENS])
            held[_TOKENS] -= returned
            self.tokens -= returned

    def wait_for_tokens(self, now_ms: int, wanted: int, limit: int) -> float | None:
        """Milliseconds until so many tokens fit; 0 when they do, None when they never will."""
        return self._wait(now_ms, wanted, limit, self.tokens, lambda held: held[_TOKENS])

    def wait_for_request(self, now_ms: int, limit: int) -> float | None:
        """Milliseconds until one more request fits."""
        return self._wait(now_ms, 1, limit, self.requests, lambda held: held[_REQUESTS])

    def _wait(
        self, now_ms: int, wanted: int, limit: int, used: int, part: Callable[[list[int]], int]
    ) -> float | None:
        if used + wanted <= limit:
            return 0.0
        if wanted > limit:
            return None
        for number, held in self._slices.items():
            used -= part(held)
            if used + wanted <= limit:
                return float((number + 1) * SLICE_MS + WINDOW_MS - now_ms)
        return float(WINDOW_MS)
