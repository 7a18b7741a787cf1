"""Prompt caching as Azure documents it: 1,024 equal leading tokens, then steps of 128."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORTEST: Final = 1024
STEP: Final = 128
_KEPT_PREFIXES: Final = 20_000


class PromptCache:
    """Remembers the prefixes of long prompts, the oldest forgotten first."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached_tokens(self, deployment: str, tokens: Sequence[int]) -> int:
        """How many leading tokens an earlier prompt had too; this prompt is remembered."""
        if len(tokens) < SHORTEST:
            return 0
        digest = hashlib.sha256(deployment.encode())
        cached = done = 0
        for length in range(SHORTEST, len(tokens) + 1, STEP):
            digest.update(repr(tokens[done:length]).encode())
            done = length
            if self._meet(digest.copy().digest()):
                cached = length
        return cached

    def _meet(self, prefix: bytes) -> bool:
        known = prefix in self._seen
        self._seen[prefix] = None
        self._seen.move_to_end(prefix)
        if len(self._seen) > _KEPT_PREFIXES:
            self._seen.popitem(last=False)
        return known
