"""What was used of the enforced budgets: a file that another process writes every so often.

It is looked at once a second at most, and only read when it changed, so that a request costs no
more than a walk over the few budgets that are used up.
"""

from __future__ import annotations

import logging
from datetime import datetime  # noqa: TC003 - msgspec reads the types
from decimal import Decimal  # noqa: TC003
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from gateway_hooks.clock import Clock
    from gateway_hooks.known_caller import KnownCaller

_LOG = logging.getLogger("gatemeter.gateway")
_LOOK_NS: Final = 1_000_000_000
_VERSION: Final = 1


class EnforcedBudget(msgspec.Struct, frozen=True):
    """One budget and what was used of it."""

    name: str
    enforce: str
    used: Decimal
    limit: Decimal
    unit: str
    until: datetime
    downgrade_to: str | None = None
    key: str | None = None
    team: str | None = None
    deployments: list[str] | None = None

    @property
    def is_used_up(self) -> bool:
        """Whether it is enforced now."""
        return self.used >= self.limit

    def concerns(self, caller: KnownCaller | None, deployments: Collection[str]) -> bool:
        """Whether a request is of its scope, by any of the names that its deployment has."""
        if self.key is not None and (
            caller is None or self.key not in {caller.key_id, caller.key_name}
        ):
            return False
        if self.team is not None and (caller is None or self.team != caller.team):
            return False
        return self.deployments is None or any(one in self.deployments for one in deployments)


class _Document(msgspec.Struct):
    version: int
    written_at: datetime
    budgets: list[EnforcedBudget]


_decoder: Final = msgspec.json.Decoder(_Document)


class BudgetState:
    """The budgets as they were last published."""

    def __init__(self, file: Path, clock: Clock, *, stale_seconds: float) -> None:
        self._file = file
        self._clock = clock
        self._stale_ns = int(stale_seconds * 1e9)
        self._looked_ns: int | None = None
        self._seen: tuple[int, int] | None = None
        self._written_ns: int | None = None
        self._budgets: list[EnforcedBudget] = []

    def budgets(self) -> list[EnforcedBudget]:
        """The enforced budgets whose period has not ended."""
        self._look()
        now = self._clock.wall_ns() / 1e9
        return [budget for budget in self._budgets if budget.until.timestamp() > now]

    @property
    def is_known(self) -> bool:
        """Whether anybody has ever said what was used."""
        self._look()
        return self._written_ns is not None

    @property
    def is_stale(self) -> bool:
        """Whether nobody has said for too long what was used."""
        self._look()
        written = self._written_ns
        return written is None or self._clock.wall_ns() - written > self._stale_ns

    def _look(self) -> None:
        now = self._clock.monotonic_ns()
        if self._looked_ns is not None and now - self._looked_ns < _LOOK_NS:
            return
        self._looked_ns = now
        try:
            stat = self._file.stat()
            seen = (stat.st_mtime_ns, stat.st_ino)
            if seen == self._seen:
                return
            text = self._file.read_bytes()
            self._seen = seen  # also of what turns out to be no state: it is told once
            self._take(text)
        except FileNotFoundError:
            return  # not written yet, or for the last time: it grows stale
        except (OSError, ValueError) as error:
            _LOG.warning("budget state %s cannot be used: %s", self._file, type(error).__name__)

    def _take(self, text: bytes) -> None:
        document = _decoder.decode(text)
        if document.version != _VERSION:
            raise ValueError("unknown version")
        self._budgets = document.budgets
        self._written_ns = int(document.written_at.timestamp() * 1e9)
