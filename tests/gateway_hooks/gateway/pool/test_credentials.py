"""Tokens for backends: fetched seldom, renewed in time, and never the caller's own key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gateway_hooks.gateway import Backend
from gateway_hooks.gateway.pool.credentials import SCOPE, CredentialError, Credentials
from gateway_hooks.gateway.pool.pools import Pool, Route
from tests.gateway_hooks.gateway.pool.test_forward import BODY, CHAT, backends_of

if TYPE_CHECKING:
    from tests.gateway_hooks.gateway.conftest import FakeClock


@dataclass
class FakeToken:
    """A token of Entra ID."""

    token: str
    expires_on: int


@dataclass
class FakeSource:
    """Gives numbered tokens that hold for an hour, when it is let."""

    clock: FakeClock
    fetches: int = 0
    failure: Exception | None = None
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    scopes: set[str] = field(default_factory=set)
    closed: bool = False

    def __post_init__(self) -> None:
        self.go_on.set()

    async def get_token(self, *scopes: str) -> FakeToken:
        """The next token."""
        self.fetches += 1
        self.scopes |= set(scopes)
        await self.go_on.wait()
        if self.failure is not None:
            raise self.failure
        return FakeToken(f"token-{self.fetches}", int(self.clock.wall_ns() / 1e9) + 3600)

    async def close(self) -> None:
        """Let go."""
        self.closed = True


@pytest.fixture
def source(clock: FakeClock) -> FakeSource:
    """A source of tokens."""
    return FakeSource(clock)


@pytest.fixture
def credentials(clock: FakeClock, source: FakeSource) -> Credentials:
    """Credentials that ask it."""
    return Credentials(clock, lambda _: source)


def backend(
    options: str = "identity=managed", url: str = "https://one.openai.azure.com"
) -> Backend:
    """A backend with an identity."""
    return Backend.parse(f"{url},{options}", {"KEY": "its-own-key"})


async def test_many_at_once_share_one_fetch(credentials: Credentials, source: FakeSource) -> None:
    """A burst after the start asks Entra ID once, for the scope of Azure OpenAI."""
    source.go_on.clear()
    asking = [asyncio.create_task(credentials.header(backend())) for _ in range(20)]
    await asyncio.sleep(0)
    source.go_on.set()
    assert set(await asyncio.gather(*asking)) == {(b"authorization", b"Bearer token-1")}
    assert (source.fetches, source.scopes) == (1, {SCOPE})


async def test_a_token_is_renewed_before_it_ends(
    credentials: Credentials, source: FakeSource, clock: FakeClock
) -> None:
    """Nobody is sent out with a token that ends on the way."""
    assert await credentials.token("managed") == "token-1"
    clock.advance_ms(3_299_000)
    assert await credentials.token("managed") == "token-1"
    clock.advance_ms(2000)
    assert await credentials.token("managed") == "token-2"
    assert source.fetches == 2


async def test_while_one_renews_the_others_go_on(
    credentials: Credentials, source: FakeSource, clock: FakeClock
) -> None:
    """A slow sign-in holds up one request, not all, as long as the old token holds."""
    await credentials.token("managed")
    clock.advance_ms(3_400_000)
    source.go_on.clear()
    renewing = asyncio.create_task(credentials.token("managed"))
    await asyncio.sleep(0)
    assert [await credentials.token("managed") for _ in range(3)] == ["token-1"] * 3
    source.go_on.set()
    assert await renewing == "token-2"


async def test_when_renewing_fails_the_old_token_serves_to_its_end(
    credentials: Credentials, source: FakeSource, clock: FakeClock
) -> None:
    """Entra ID may be away for a while; it is not asked by each request meanwhile."""
    await credentials.token("managed")
    clock.advance_ms(3_400_000)
    source.failure = ConnectionError("secret in a text")
    assert [await credentials.token("managed") for _ in range(5)] == ["token-1"] * 5
    assert source.fetches == 2
    clock.advance_ms(201_000)
    with pytest.raises(CredentialError, match=r"^ConnectionError$"):
        await credentials.token("managed")
    source.failure = None
    clock.advance_ms(1000)
    assert await credentials.token("managed") == "token-4"


async def test_those_who_wait_for_a_failing_fetch_fail_with_it(
    credentials: Credentials, source: FakeSource
) -> None:
    """A hundred requests do not try one after the other what has just failed."""
    source.failure = TimeoutError()
    source.go_on.clear()
    asking = [asyncio.create_task(credentials.token("managed")) for _ in range(100)]
    await asyncio.sleep(0)
    source.go_on.set()
    failed = await asyncio.gather(*asking, return_exceptions=True)
    assert {str(error) for error in failed} == {"TimeoutError"}
    assert source.fetches == 1


async def test_identities_have_their_own_tokens(clock: FakeClock) -> None:
    """Two managed identities are not mixed up, and both are let go of in the end."""
    sources: dict[str, FakeSource] = {}

    def make(identity: str) -> FakeSource:
        sources[identity] = FakeSource(clock)
        return sources[identity]

    credentials = Credentials(clock, make)
    await credentials.token("managed:one")
    await credentials.token("managed:two")
    assert [source.fetches for source in sources.values()] == [1, 1]
    await credentials.close()
    assert all(source.closed for source in sources.values())


async def test_a_backends_own_key_needs_no_token(
    credentials: Credentials, source: FakeSource
) -> None:
    """A key goes out as Azure wants it; without any the caller's own is passed on."""
    assert await credentials.header(backend("key=KEY")) == (b"api-key", b"its-own-key")
    assert await credentials.header(backend("name=plain")) is None
    assert source.fetches == 0


def test_the_callers_key_never_passes_to_a_backend_with_an_identity(
    start_pools: Any, start_recorder: Callable[..., Any], clock: FakeClock, source: FakeSource
) -> None:
    """The backend sees the gateway's token as a bearer, and nothing of the caller's."""
    recorder = start_recorder()
    gateway = start_pools(
        Pool((Route(backend("identity=managed,name=a", recorder.url)),)),
        credentials=Credentials(clock, lambda _: source),
    )
    callers = {"api-key": "callers-1", "authorization": "Bearer callers-2"}
    callers["ocp-apim-subscription-key"] = "callers-3"
    httpx.post(gateway.url + CHAT, json=BODY, headers=callers)
    (seen,) = recorder.seen
    assert seen.headers["authorization"] == "Bearer token-1"
    assert not [value for value in seen.headers.values() if "callers" in value]
    assert b"callers" not in b"".join(gateway.sink.lines)
    assert b"token-1" not in b"".join(gateway.sink.lines)


def test_without_a_token_the_next_backend_is_asked(
    start_pools: Any, start_recorder: Callable[..., Any], clock: FakeClock, source: FakeSource
) -> None:
    """A sign-in that fails is a failure of that backend, and never a reason to use another key."""
    first, second = start_recorder(), start_recorder()
    source.failure = RuntimeError("no identity here")
    gateway = start_pools(
        Pool(
            (
                Route(backend("identity=default,name=a", first.url), 1),
                Route(backend("key=KEY,name=b", second.url), 2),
            )
        ),
        credentials=Credentials(clock, lambda _: source),
    )
    answer = httpx.post(gateway.url + CHAT, json=BODY, headers={"api-key": "callers"})
    assert answer.status_code == 200
    assert first.seen == []
    (event,) = gateway.events
    assert backends_of(event) == ["a", "b"]
    assert event["attempts"][0]["error_type"] == "CredentialError"
    assert b"no identity here" not in b"".join(gateway.sink.lines)
