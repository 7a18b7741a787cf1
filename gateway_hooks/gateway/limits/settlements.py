"""What Redis is told later: corrections, freed places, and which requests still run.

Nobody waits for it. What is waiting is bounded; what does not fit any more is counted and left to
expire by itself: places after a lease, the rest with its minute, day or month.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway_hooks.gateway.limits.redis_link import RENEW, SETTLE, ScriptCall, Unreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.gateway.limits.redis_link import RedisLink

MOST_WAITING: Final = 20_000
_AT_ONCE: Final = 64
_REMEMBERED_SECONDS: Final = 20.0
"""So long after the first try it is certain that Redis still knows whether that one was run."""
_LEASES_AT_ONCE: Final = 256
_CLOSING_SECONDS: Final = 1.0


@dataclass(slots=True)
class Settlement:
    """One correction; sent again it changes nothing."""

    keys: Sequence[str]
    args: Sequence[str | bytes | int]
    tried_at: float | None = None


class Settlements:
    """Sends what is to be settled, from a task of one event loop."""

    def __init__(self, link: RedisLink, lease_ms: int) -> None:
        self._link = link
        self._lease_ms = lease_ms
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Settlement] = deque()
        self._wake = asyncio.Event()
        self._sending = asyncio.Lock()
        self._running: dict[str, Sequence[str]] = {}
        self._closing = False
        self.lost = 0
        """What Redis was never told."""
        self._tasks = [
            self._loop.create_task(self._keep_sending()),
            self._loop.create_task(self._keep_renewing()),
        ]

    @property
    def is_pending(self) -> bool:
        """Whether something is not settled yet."""
        return bool(self._waiting) or self._sending.locked()

    def add(self, settlement: Settlement) -> None:
        """Have something settled soon; in any thread."""
        self._waiting.append(settlement)
        if len(self._waiting) > MOST_WAITING:
            with contextlib.suppress(IndexError):
                self._waiting.popleft()
                self.lost += 1
        with contextlib.suppress(RuntimeError):  # the loop is closed: it was the last moment
            self._loop.call_soon_threadsafe(self._wake.set)

    def runs(self, request_id: str, keys: Sequence[str]) -> None:
        """A request holds places in these keys until `ran` is called."""
        self._running[request_id] = keys

    def ran(self, request_id: str) -> None:
        """It runs no more; in any thread."""
        self._running.pop(request_id, None)

    async def flush(self) -> None:
        """Settle what is waiting now, if Redis answers."""
        async with self._sending:
            await self._send_all()

    async def close(self) -> None:
        """Settle what can be settled in a second."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=_CLOSING_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self.flush()
        self.lost += len(self._waiting)
        self._waiting.clear()

    async def _keep_sending(self) -> None:
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            await self._link.breaker.until_closed()
            await self.flush()
            if self._waiting:
                self._wake.set()
                await asyncio.sleep(_CLOSING_SECONDS / 10)

    async def _send_all(self) -> None:
        while self._waiting and not self._link.breaker.is_open:
            batch = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            calls = [ScriptCall(SETTLE, one.keys, one.args) for one in batch]
            try:
                await self._link.call(calls)
            except (Unreachable, asyncio.CancelledError) as error:
                self._take_back(batch)
                if isinstance(error, asyncio.CancelledError):
                    raise
                return

    def _take_back(self, batch: Sequence[Settlement]) -> None:
        """Send these again, but not for ever: that they were run may be forgotten meanwhile."""
        now = self._loop.time()
        for one in reversed(batch):
            one.tried_at = now if one.tried_at is None else one.tried_at
            if now - one.tried_at < _REMEMBERED_SECONDS:
                self._waiting.appendleft(one)
            else:
                self.lost += 1

    async def _keep_renewing(self) -> None:
        while not self._closing:
            await asyncio.sleep(self._lease_ms / 3000)
            # Not beside a settlement: a place that has just been freed must not be taken again.
            async with self._sending:
                await self._renew_all()

    async def _renew_all(self) -> None:
        pairs = [(key, name) for name, keys in list(self._running.items()) for key in keys]
        for start in range(0, len(pairs), _LEASES_AT_ONCE):
            some = pairs[start : start + _LEASES_AT_ONCE]
            args: list[str | bytes | int] = [self._lease_ms, *(name for _, name in some)]
            with contextlib.suppress(Unreachable):
                await self._link.call([ScriptCall(RENEW, [key for key, _ in some], args)])
