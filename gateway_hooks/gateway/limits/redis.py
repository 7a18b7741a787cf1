"""Counters that all processes of a gateway share, in Redis or Valkey.

A request takes what it wants of all its counters by one script in one round trip; times are the
server's. What it used is told afterwards, without anybody waiting. A minute is counted in slices
of a second: what is held against a limit is what 60 to 61 seconds have seen.

Every key carries the hash tag `{prefix}`, so that a cluster keeps them in one place, and expires.
A place of a running request is a lease that its process renews: a killed process's places come
back by themselves.

When Redis does not answer, `when_unreachable` decides; see `docs/gateway-limits.md`.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from gateway_hooks.clock import NANOSECONDS_PER_MS, SystemClock
from gateway_hooks.gateway.limits.counting import BUSY_RETRY_MS, Denial, Standing, Verdict, tightest
from gateway_hooks.gateway.limits.local import LocalCounters
from gateway_hooks.gateway.limits.periods import Period, period_at
from gateway_hooks.gateway.limits.redis_link import RESERVE, RedisLink, ScriptCall, Unreachable
from gateway_hooks.gateway.limits.settlements import Settlement, Settlements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.limits.counting import Demand, Figures, Reason
    from gateway_hooks.gateway.limits.settings import SharedCounters

_MINUTE_TOKENS: Final = 1
_MINUTE_REQUESTS: Final = 2
_RUNNING: Final = 3
_FIRST_QUOTA: Final = 4
_NO_LIMIT: Final = -1

pack: Final = msgspec.msgpack.Encoder().encode
unpack: Final = msgspec.msgpack.Decoder(
    tuple[int, int, list[tuple[int, int, int]], list[list[int]]]
).decode
"""The answer of reserve.lua."""


@dataclass(slots=True)
class _Loop:
    """What belongs to one event loop of one process."""

    loop: asyncio.AbstractEventLoop
    pid: int
    link: RedisLink
    settlements: Settlements


class RedisCounters:
    """Shared counters; connects with the first request."""

    def __init__(
        self,
        settings: SharedCounters,
        *,
        clock: Clock | None = None,
        local: LocalCounters | None = None,
    ) -> None:
        """Read the address from the environment.

        Args:
            settings: where Redis is and what to do without it.
            clock: for the calendar until Redis has told its time.
            local: counts while Redis is away, when that is set.

        Raises:
            SettingsError: there is no address, or it is none of Redis.
        """
        self._settings = settings
        self._url = settings.url()
        RedisLink(self._url, timeout_ms=settings.timeout_ms)  # a bad address stops the start
        self._clock = clock or SystemClock()
        self._local = local or LocalCounters(self._clock)
        self._ahead_ms = 0
        self._loop: _Loop | None = None

    @property
    def lost_settlements(self) -> int:
        """Corrections and freed places that Redis was never told."""
        return 0 if self._loop is None else self._loop.settlements.lost

    @property
    def is_reachable(self) -> bool:
        """Whether Redis answers, as far as is known."""
        return self._loop is None or not self._loop.link.breaker.is_open

    async def reserve(self, demands: Sequence[Demand], tokens: int) -> Verdict:
        """Take all or nothing; by `when_unreachable` if Redis does not answer."""
        here = self._here()
        frees = here.settlements.is_pending
        try:
            verdict = await self._reserve(here, demands, tokens)
            if _is_busy(verdict) and (frees or here.settlements.is_pending):
                # The place may be that of a request which this process has just answered.
                await here.settlements.flush()
                verdict = await self._reserve(here, demands, tokens)
        except Unreachable:
            return self._without_redis(demands, tokens)
        return verdict

    async def aclose(self) -> None:
        """Tell what is still to be told, for a second, and disconnect."""
        here, self._loop = self._loop, None
        if here is not None and here.loop is asyncio.get_running_loop():
            await here.settlements.close()
            await here.link.close()

    def _here(self) -> _Loop:
        """Connections and tasks of the running loop; those of a forked parent stay the parent's."""
        loop = asyncio.get_running_loop()
        found = self._loop
        if found is None or found.loop is not loop or found.pid != os.getpid():
            link = RedisLink(self._url, timeout_ms=self._settings.timeout_ms)
            settlements = Settlements(link, self._settings.lease_seconds * 1000)
            found = self._loop = _Loop(loop, os.getpid(), link, settlements)
        return found

    async def _reserve(self, here: _Loop, demands: Sequence[Demand], tokens: int) -> Verdict:
        if here.link.breaker.is_open:
            raise Unreachable
        taken = _Taken(here.settlements, os.urandom(8).hex(), demands, tokens)
        wall_ms = self._clock.wall_ns() // NANOSECONDS_PER_MS
        call = self._call(taken, wall_ms + self._ahead_ms)
        try:
            [answer] = await here.link.call([call])
            now_ms, taken.slice_number, refusals, used = unpack(answer)
        except BaseException as error:
            taken.undo()  # it may have been made all the same
            if isinstance(error, msgspec.MsgspecError):
                raise Unreachable from error
            raise
        self._ahead_ms = now_ms - wall_ms
        standings = tuple(
            _standing(demand, *some) for demand, some in zip(demands, used, strict=True)
        )
        if refusals:
            return Verdict(standings, denial=_denial(demands, refusals))
        taken.begin()
        return Verdict(standings, reservation=taken)

    def _call(self, taken: _Taken, wall_ms: int) -> ScriptCall:
        prefix = f"{{{self._settings.prefix}}}"
        keys, wanted = [f"{prefix}:recent"], []
        for demand in taken.demands:
            figures = demand.figures
            periods = [period_at(one.kind, one.time_zone, wall_ms) for one in figures.quotas]
            keys += _keys(prefix, demand.counter, periods)
            quotas = [
                (quota.tokens, period.ends_ms)
                for quota, period in zip(figures.quotas, periods, strict=True)
            ]
            wanted.append((*_limits(figures), quotas))
        taken.keys = keys
        packed = pack((self._settings.lease_seconds * 1000, taken.tokens, wanted))
        return ScriptCall(RESERVE, keys, (taken.request_id, packed))

    def _without_redis(self, demands: Sequence[Demand], tokens: int) -> Verdict:
        match self._settings.when_unreachable:
            case "deny":
                return Verdict(reachable=False, refused=True)
            case "allow":
                return Verdict(reachable=False)
            case "local":
                own = self._local.reserve_now(demands, tokens)
                return Verdict(own.standings, own.reservation, own.denial, reachable=False)


class _Taken:
    """What a request holds in Redis."""

    def __init__(
        self, settlements: Settlements, request_id: str, demands: Sequence[Demand], tokens: int
    ) -> None:
        self._settlements = settlements
        self.request_id = request_id
        self.demands = demands
        self.tokens = tokens
        self.keys: list[str] = []
        self.slice_number = 0
        self._corrected = False
        self._released = False

    def begin(self) -> None:
        """It was made: the places are renewed from now on."""
        places = self._places()
        if places:
            self._settlements.runs(self.request_id, places)

    def finish(self, used_tokens: int) -> None:
        """Tell Redis what was used, and that the places are free."""
        if self._corrected:
            return
        self._corrected = True
        counts = any(demand.figures.counts_tokens for demand in self.demands)
        wrong_by = used_tokens - self.tokens if counts else 0
        frees = self._frees()
        if wrong_by or frees:
            self._settle(wrong_by, frees=frees, number="finish")

    def release(self) -> None:
        """Tell Redis that the places are free."""
        if self._frees():
            self._settle(0, frees=True, number="release")

    def _frees(self) -> bool:
        """Whether there are places to be freed now: once, if there are any."""
        if self._released:
            return False
        self._released = True
        self._settlements.ran(self.request_id)
        return bool(self._places())

    def undo(self) -> None:
        """Take all of it back if it was made, and forbid it if it is still on its way."""
        self._corrected = self._released = True
        self._settle(-self.tokens, frees=True, number="undo")

    def _places(self) -> list[str]:
        """The keys in which it has a place."""
        found, position = [], 1
        for demand in self.demands:
            if demand.figures.concurrent_requests is not None:
                found.append(self.keys[position + 1])
            position += 2 + len(demand.figures.quotas)
        return found

    def _settle(self, tokens: int, *, frees: bool, number: str) -> None:
        counters = []
        for demand in self.demands:
            per_tokens, per_requests, places = _limits(demand.figures)
            windowed = per_tokens != _NO_LIMIT or per_requests != _NO_LIMIT
            counters.append((windowed, places != _NO_LIMIT, len(demand.figures.quotas)))
        packed = pack((tokens, self.slice_number, frees, counters))
        self._settlements.add(Settlement(self.keys, (self.request_id, number, packed)))


def _limits(figures: Figures) -> tuple[int, int, int]:
    limits = (figures.tokens_per_minute, figures.requests_per_minute, figures.concurrent_requests)
    first, second, third = (_NO_LIMIT if limit is None else limit for limit in limits)
    return first, second, third


def _keys(prefix: str, counter: str, periods: Sequence[Period]) -> Iterator[str]:
    yield f"{prefix}:minute:{counter}"
    yield f"{prefix}:running:{counter}"
    for period in periods:
        yield f"{prefix}:{period.label}:{counter}"


def _standing(demand: Demand, tokens: int, requests: int, *quotas: int) -> Standing:
    figures = demand.figures
    left = [max(0, limit.tokens - used) for limit, used in zip(figures.quotas, quotas, strict=True)]
    return Standing(
        figures,
        tokens=_left(figures.tokens_per_minute, tokens),
        requests=_left(figures.requests_per_minute, requests),
        quota_tokens=min(left, default=None),
    )


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used)


def _is_busy(verdict: Verdict) -> bool:
    return verdict.denial is not None and verdict.denial.reason == "concurrent_requests"


def _denial(demands: Sequence[Demand], refusals: Sequence[Sequence[int]]) -> Denial:
    found = []
    for index, code, wait_ms in refusals:
        figures = demands[index - 1].figures
        wait = None if wait_ms < 0 else float(wait_ms)
        reason: Reason
        if code >= _FIRST_QUOTA:
            reason = figures.quotas[code - _FIRST_QUOTA].reason
        elif code == _RUNNING:
            reason, wait = "concurrent_requests", BUSY_RETRY_MS
        else:
            reason = "tokens_per_minute" if code == _MINUTE_TOKENS else "requests_per_minute"
        found.append(Denial(figures, reason, wait))
    return tightest(found)
