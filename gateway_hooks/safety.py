"""The one place where the hooks catch everything, so that they never hurt the gateway.

What goes wrong inside is counted by the step it happened in and logged at most once a minute: the
class of the error and the line of code, never its message, which may quote what was being read.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from gateway_hooks.clock import NANOSECONDS_PER_SECOND

if TYPE_CHECKING:
    from types import TracebackType

    from gateway_hooks.clock import Clock
    from gateway_hooks.counters import Counters

_log = logging.getLogger("gateway_hooks")
_LOG_INTERVAL_NS = 60 * NANOSECONDS_PER_SECOND
_RUST_PANIC = "PanicException"


class Safety:
    """Hands out guards: `with safety("answer"): ...` goes on after whatever happens inside."""

    def __init__(self, counters: Counters, clock: Clock) -> None:
        self.counters = counters
        self._clock = clock
        self._guards: dict[str, Guard] = {}
        self._next_log_ns = clock.monotonic_ns()

    def __call__(self, where: str) -> Guard:
        """The guard of a step; guards hold no state, so threads share them."""
        guard = self._guards.get(where)
        if guard is None:
            guard = self._guards[where] = Guard(self, where)
        return guard

    def note(self, where: str, error: BaseException) -> None:
        """Count an error, and log it when none was logged for a minute."""
        self.counters.error(where)
        now = self._clock.monotonic_ns()
        if now < self._next_log_ns:
            return
        self._next_log_ns = now + _LOG_INTERVAL_NS
        _log.warning(
            "gatemeter: %s in step %r (%s, thread %s); the request was not touched; "
            "errors are counted, the next is logged in a minute",
            type(error).__name__,
            where,
            _place(error.__traceback__),
            threading.current_thread().name,
        )


class Guard:
    """A `with` block that swallows, counts and logs what is raised inside."""

    __slots__ = ("_safety", "_where")

    def __init__(self, safety: Safety, where: str) -> None:
        self._safety = safety
        self._where = where

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Swallow errors; cancellation, exit and interrupts belong to the gateway and pass."""
        if error is None:
            return False
        # A panic in a Rust extension (the tokenizer) derives from BaseException, yet is an error.
        if not isinstance(error, Exception) and type(error).__name__ != _RUST_PANIC:
            return False
        self._safety.note(self._where, error)
        return True


def _place(traceback: TracebackType | None) -> str:
    """File name and line of where an error was raised."""
    if traceback is None:
        return "no traceback"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    file = traceback.tb_frame.f_code.co_filename.rpartition("/")[2]
    return f"{file}:{traceback.tb_lineno}"
