"""The line to Azure AI Content Safety: kept connections, a time for everything, rests.

It lives as long as the process and knows no settings but those it is asked with, so that a reload
of the gateway's settings keeps its connections. Of what it sends and gets nothing is logged.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from urllib.parse import quote

import aiohttp
from yarl import URL

from gateway_hooks.clock import SystemClock, utc_now
from gateway_hooks.gateway.breaker import Breakers, BreakerSettings
from gateway_hooks.reading.headers import lower_headers
from gateway_hooks.reading.throttling import retry_after_ms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.content_safety.assessment import Failure


_MAX_CONNECTIONS: Final = 500
_KEEP_SECONDS: Final = 30.0
_LONGEST_ANSWER_BYTES: Final = 1 << 20
_BREAKER: Final = BreakerSettings(probe_seconds=5.0)
"""Nobody streams here: a question without an answer after so long is over."""
_OK: Final = 200
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500
_BROKEN: Final = (aiohttp.ClientError, OSError)

T = TypeVar("T")
_log = logging.getLogger("gateway_hooks")


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A question's body, and what makes something of the answer's or raises `BadAnswer`."""

    body: bytes
    read: Callable[[bytes], T]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the service is and what opens it."""

    endpoint: str
    api_version: str
    key: str | None = field(default=None, repr=False)
    identity: str | None = None
    """Whose token is sent where there is no key."""


class Unanswered(Exception):
    """The service did not say anything that can be used."""

    def __init__(
        self, failure: Failure, retry_after_ms: float | None = None, *, counts: bool = True
    ) -> None:
        """Say why.

        Args:
            failure: as events have it.
            retry_after_ms: when the service said so.
            counts: whether it says anything of the service; not when it is about this text only.
        """
        super().__init__(failure)
        self.failure: Failure = failure
        self.retry_after_ms = retry_after_ms
        self.counts = counts


class BadAnswer(Exception):
    """The service's answer is not what its reference says."""


class SafetyService:
    """Asks questions of Content Safety resources; one object for a process."""

    def __init__(
        self,
        *,
        token: Callable[[str], Awaitable[str]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Make the line; nothing is opened before the first question.

        Args:
            token: gives an identity's token, such as `Credentials.token`; needed for settings with
                `identity`.
            clock: the system's unless a test has another.
        """
        self._token = token
        self._clock = clock or SystemClock()
        self._breakers = Breakers(self._clock, _BREAKER)
        self._session: aiohttp.ClientSession | None = None

    @property
    def has_identity(self) -> bool:
        """Whether settings without a key can be used."""
        return self._token is not None

    async def ask(
        self, address: Address, operation: str, question: Question[T], deadline: float
    ) -> T:
        """What the service says to one question.

        Args:
            address: of the resource.
            operation: `text:analyze` or `text:shieldPrompt`.
            question: the body and how to read the answer.
            deadline: on the event loop's clock.

        Raises:
            Unanswered: there is no answer that can be used; the breaker knows.
        """
        if not self._breakers.may_ask(address.endpoint):
            raise Unanswered("resting")
        try:
            answer = question.read(await self._in_time(address, operation, question.body, deadline))
        except (Unanswered, BadAnswer) as problem:
            unanswered = problem if isinstance(problem, Unanswered) else Unanswered("bad_answer")
            if unanswered.counts:
                self._failed(address.endpoint, unanswered)
            raise unanswered from None
        if self._breakers.failures(address.endpoint):
            _log.warning("gatemeter: content safety answers again")
            self._breakers.answered(address.endpoint)
        return answer

    async def close(self) -> None:
        """Close every connection; a question asked later opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _in_time(
        self, address: Address, operation: str, question: bytes, deadline: float
    ) -> bytes:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._call(address, operation, question)
        except TimeoutError:
            raise Unanswered("timeout") from None
        except _BROKEN:
            raise Unanswered("unreachable") from None

    async def _call(self, address: Address, operation: str, question: bytes) -> bytes:
        """Ask, and ask once more if the connection broke: a question changes nothing there."""
        path = f"/contentsafety/{operation}?api-version={quote(address.api_version)}"
        url = URL(address.endpoint + path, encoded=True)
        name, value = await self._credential(address)
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", name: value}
        try:
            return await self._exchange(url, headers, question)
        except TimeoutError:
            raise
        except _BROKEN:
            return await self._exchange(url, headers, question)

    async def _credential(self, address: Address) -> tuple[str, str]:
        if address.key is not None:
            return "Ocp-Apim-Subscription-Key", address.key
        if self._token is None or address.identity is None:
            raise Unanswered("refused")
        try:
            token = await self._token(address.identity)
        except (asyncio.CancelledError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - whoever gives tokens may raise anything
            _log.warning("gatemeter: no token for content safety: %s", type(error).__name__)
            raise Unanswered("unreachable") from None
        return "Authorization", f"Bearer {token}"

    async def _exchange(self, url: URL, headers: Mapping[str, str], question: bytes) -> bytes:
        async with self._connections().post(
            url, headers=headers, data=question, allow_redirects=False
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _LONGEST_ANSWER_BYTES:
                    raise Unanswered("bad_answer")
        if response.status == _OK:
            return bytes(body)
        raise self._refused(response)

    def _refused(self, response: aiohttp.ClientResponse) -> Unanswered:
        wait = retry_after_ms(lower_headers(response.raw_headers), utc_now(self._clock))
        if response.status == _TOO_MANY:
            return Unanswered("throttled", wait)
        if response.status >= _SERVER_ERRORS:
            return Unanswered("server_error", wait)
        return Unanswered("refused", counts=response.status != _BAD_REQUEST)

    def _failed(self, endpoint: str, problem: Unanswered) -> None:
        if not self._breakers.failures(endpoint):
            _log.warning("gatemeter: content safety cannot be asked: %s", problem.failure)
        self._breakers.failed(endpoint, problem.retry_after_ms)

    def _connections(self) -> aiohttp.ClientSession:
        # Made on the first question, because a session belongs to the event loop it is used in.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=_MAX_CONNECTIONS, keepalive_timeout=_KEEP_SECONDS
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session
