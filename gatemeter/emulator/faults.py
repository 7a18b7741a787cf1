"""Faults on demand: what can go wrong between a client and its hub, said beforehand."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from gatemeter.emulator.errors import SERVER_BUSY, EmulatorError

if TYPE_CHECKING:
    from collections.abc import Callable


class SendFault(Enum):
    """What happens to a send."""

    REJECT = "reject"
    DROP_CONNECTION = "drop connection"
    SWALLOW_ACK = "swallow acknowledgement"


@dataclass(slots=True)
class Plan:
    """A fault for the next `count` sends, for all of them when that is None."""

    fault: SendFault
    count: int | None
    condition: str = ""
    description: str = ""


class Line(Protocol):
    """The emulator's connections and listener.

    Each method may be called from any thread but the emulator's own and returns when it is done.
    """

    def disconnect_all(self) -> None:
        """Cut every connection off."""

    def pause(self) -> None:
        """Accept connections, read nothing and say nothing."""

    def resume(self) -> None:
        """Go on where `pause` stopped."""

    def go_away(self) -> None:
        """Cut every connection off and refuse new ones."""

    def come_back(self) -> None:
        """Listen again, on the same port."""


class Faults:
    """Switches for everything that can go wrong; any thread may use them.

    Faults of sends are used up in the order they were asked for, one by each message or batch.

    Args:
        line: the connections to disturb.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._plans: deque[Plan] = deque()
        self._refused_credentials: int | None = 0
        self._timers: list[threading.Timer] = []

    def reject_sends(
        self,
        count: int | None = 1,
        condition: str = SERVER_BUSY,
        description: str = "The request was terminated because the emulator was told so.",
    ) -> None:
        """Refuse the next sends, all of them when count is None; nothing is stored."""
        self._plan(Plan(SendFault.REJECT, count, condition, description))

    def drop_after_store(self, count: int | None = 1) -> None:
        """Store the next sends, then cut the connection instead of acknowledging."""
        self._plan(Plan(SendFault.DROP_CONNECTION, count))

    def swallow_acks(self, count: int | None = 1) -> None:
        """Store the next sends and never acknowledge; the connection stays up."""
        self._plan(Plan(SendFault.SWALLOW_ACK, count))

    def expire_credentials(self, count: int | None = 1) -> None:
        """Answer the next tokens with 401, as if they had expired; links that are up stay up."""
        with self._lock:
            self._refused_credentials = _checked(count)

    def disconnect_all(self) -> None:
        """Cut every connection off; new ones are welcome."""
        self._line.disconnect_all()

    def pause(self, seconds: float | None = None) -> None:
        """Accept connections and say nothing, until `resume` or for so many seconds."""
        self._line.pause()
        self._later(seconds, self._line.resume)

    def resume(self) -> None:
        """End `pause`: what clients sent meanwhile is answered."""
        self._line.resume()

    def go_away(self, seconds: float | None = None) -> None:
        """Refuse connections, those that are up included, until `come_back` or for so long."""
        self._line.go_away()
        self._later(seconds, self._line.come_back)

    def come_back(self) -> None:
        """End `go_away`: listen on the same port again."""
        self._line.come_back()

    def clear(self) -> None:
        """Everything works again."""
        self.cancel_timers()
        with self._lock:
            self._plans.clear()
            self._refused_credentials = 0
        self._line.come_back()
        self._line.resume()

    def cancel_timers(self) -> None:
        """Forget what was to happen after some seconds."""
        with self._lock:
            timers, self._timers = self._timers, []
        for timer in timers:
            timer.cancel()

    def take_send_fault(self) -> Plan | None:
        """What happens to this send; uses the fault up."""
        with self._lock:
            if not self._plans:
                return None
            plan = self._plans[0]
            if plan.count is not None:
                plan.count -= 1
                if plan.count <= 0:
                    self._plans.popleft()
            return plan

    def take_refused_credential(self) -> bool:
        """Whether this token is refused; uses the fault up."""
        with self._lock:
            refused = self._refused_credentials
            if refused:
                self._refused_credentials = refused - 1
            return refused is None or refused > 0

    def _plan(self, plan: Plan) -> None:
        if _checked(plan.count) != 0:
            with self._lock:
                self._plans.append(plan)

    def _later(self, seconds: float | None, action: Callable[[], None]) -> None:
        if seconds is None:
            return

        def act() -> None:
            with suppress(EmulatorError):  # stopped meanwhile: there is nothing left to mend
                action()

        timer = threading.Timer(seconds, act)
        timer.daemon = True
        with self._lock:
            self._timers = [one for one in self._timers if one.is_alive()] + [timer]
            timer.start()


def _checked(count: int | None) -> int | None:
    if count is not None and count < 0:
        raise EmulatorError(f"a fault happens 0 or more times, not {count}")
    return count
