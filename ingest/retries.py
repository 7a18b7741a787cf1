"""Waiting longer and longer for a store that is busy, and giving up at last."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before each further try: doubling up to a bound, with half of it by chance.

    Chance keeps two consumers that met once from meeting again at each try.
    """

    first_seconds: float = 0.05
    longest_seconds: float = 5.0
    give_up_after_seconds: float = 300.0
    chance: random.Random = field(default_factory=random.Random)

    def delay(self, tries: int) -> float:
        """Seconds to wait after the `tries`-th failure, counted from 1."""
        bound = min(self.longest_seconds, self.first_seconds * 2.0 ** min(tries - 1, 32))
        return bound * self.chance.uniform(0.5, 1.0)
