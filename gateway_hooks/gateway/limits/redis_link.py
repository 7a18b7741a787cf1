"""The connection to Redis or Valkey: scripts called with a short time-out, one event loop's own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from gateway_hooks.errors import SettingsError
from gateway_hooks.gateway.limits.probing import ProbingBreaker

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_CONNECTIONS: Final = 512
_LOST: Final = (RedisError, OSError, TimeoutError, asyncio.IncompleteReadError)


class Unreachable(Exception):
    """Redis did not answer in time, or not with what was asked for."""


@dataclass(frozen=True, slots=True)
class Script:
    """One of the Lua scripts beside this file."""

    text: str
    sha: str

    @classmethod
    def named(cls, name: str) -> Script:
        """Read a script."""
        import hashlib

        text = (files(__package__ or "") / f"{name}.lua").read_text("utf-8")
        # Redis itself names scripts by their SHA-1.
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


RESERVE: Final = Script.named("reserve")
SETTLE: Final = Script.named("settle")
RENEW: Final = Script.named("renew")


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """A script with its keys and arguments."""

    script: Script
    keys: Sequence[str]
    args: Sequence[str | bytes | int]

    def parts(self) -> tuple[Any, ...]:
        """The words of EVALSHA."""
        return (self.script.sha, len(self.keys), *self.keys, *self.args)


class RedisLink:
    """Calls scripts; a breaker keeps requests from waiting for a server that is away."""

    def __init__(self, url: str, *, timeout_ms: int) -> None:
        """Connect when first used.

        Raises:
            SettingsError: the address is none.
        """
        self._timeout_seconds = timeout_ms / 1000
        try:
            pool = ConnectionPool.from_url(
                url,
                max_connections=_MOST_CONNECTIONS,
                socket_timeout=self._timeout_seconds,
                socket_connect_timeout=self._timeout_seconds,
                retry=Retry(NoBackoff(), 0),
                protocol=3,
            )
        except ValueError:  # its message may quote the password
            raise SettingsError(
                "limit_counters: the address is no redis:// or rediss:// URL;"
                " set it to redis://host:6379/0"
            ) from None
        self._client: Redis = Redis.from_pool(pool)
        self.breaker = ProbingBreaker(self._answers)

    async def call(self, calls: Sequence[ScriptCall]) -> list[Any]:
        """Call scripts one after the other, in one round trip.

        Raises:
            Unreachable: some may have been run all the same.
        """
        if self.breaker.is_open:
            raise Unreachable
        task = asyncio.current_task()
        cancelled = 0 if task is None else task.cancelling()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answers = await self._run(calls)
        except _LOST as error:
            if task is not None and task.cancelling() > cancelled:
                # The client can take a cancellation for a broken connection.
                raise asyncio.CancelledError from error
            self.breaker.failed()
            raise Unreachable from error
        self.breaker.succeeded()
        return answers

    async def close(self) -> None:
        """Let go of the connections."""
        self.breaker.stop()
        await self._client.aclose()

    async def _run(self, calls: Sequence[ScriptCall]) -> list[Any]:
        try:
            return await self._send(calls)
        except NoScriptError:
            # A server that was restarted has forgotten them. What of several calls had been run
            # before the first unknown one does not exist: none of them can be known.
            for script in (RESERVE, SETTLE, RENEW):
                await self._client.script_load(script.text)
            return await self._send(calls)

    async def _send(self, calls: Sequence[ScriptCall]) -> list[Any]:
        if len(calls) == 1:
            return [await self._client.evalsha(*calls[0].parts())]
        pipeline = self._client.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(*call.parts())
        return list(await pipeline.execute())

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._client.ping()
        except _LOST:
            return False
        return True
