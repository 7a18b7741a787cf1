"""What goes wrong, as the openai SDK tells its caller: the same as without the gateway."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from gatemeter.simulator import BLOCKED_PROMPT, SimulatedResource, SimulatorConfig, build_app
from gatemeter.simulator.server import server_for as simulator_server_for
from tests.gateway_hooks.gateway.clients.calls import HELLO, each, failure, ready
from tests.gateway_hooks.gateway.clients.conftest import (
    FILE,
    made_keys,
    whole_gateway,
)
from tests.gateway_hooks.gateway.clients.openai_clients import KINDS, client_of
from tests.gateway_hooks.gateway.clients.wire import assert_unchanged, since
from tests.gateway_hooks.gateway.conftest import serving

EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0].__name__)
BACKENDS_KEY = "the-backends-own-key"


async def caught(ask: Any) -> openai.APIStatusError:
    """The SDK's error."""
    with pytest.raises(openai.APIStatusError) as failed:
        await ready(ask())
    return failed.value


@EVERY_KIND
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"n": 1000}, openai.BadRequestError),
        ({"model": "no-such-model"}, openai.NotFoundError),
        (
            {"model": "gpt-4o-mini", "extra_headers": {"x-simulate": "429-tokens"}},
            openai.RateLimitError,
        ),
        ({"extra_headers": {"x-simulate": "500"}}, openai.InternalServerError),
    ],
)
async def test_the_backends_errors_are_the_sdks_own(
    gateway: Any, kind: Any, options: dict[str, Any], expected: type[openai.APIStatusError]
) -> None:
    """Class, code, parameter and body are the backend's, byte for byte."""
    asked = {"model": "gpt-4o", "messages": HELLO, **options}
    async with client_of(kind, gateway.backend_url, BACKENDS_KEY) as client:
        direct = await caught(lambda: client.chat.completions.create(**asked))
    with since(gateway.outside, gateway.inside) as (outside, inside):
        async with client_of(kind, gateway.url, gateway.key) as client:
            through = await caught(lambda: client.chat.completions.create(**asked))
    assert type(through) is type(direct) is expected
    assert (through.code, through.param, through.type) == (direct.code, direct.param, direct.type)
    assert ("retry-after" in through.response.headers) is ("retry-after" in direct.response.headers)
    if inside:  # a deployment that was just throttled is spared by the gateway itself
        assert through.body == direct.body
        assert_unchanged(outside, inside)


@EVERY_KIND
async def test_the_gateways_own_refusals_are_the_sdks_errors(gateway: Any, kind: Any) -> None:
    """A wrong key, a deployment that is not allowed, a request too many."""

    async def refused(key: str) -> openai.APIStatusError:
        async with client_of(kind, gateway.url, key) as client:
            return await caught(
                lambda: client.chat.completions.create(model="gpt-4o", messages=HELLO)
            )

    assert isinstance(await refused("gm_wrong"), openai.AuthenticationError)
    assert isinstance(await refused(gateway.small_key), openai.PermissionDeniedError)
    async with client_of(kind, gateway.url, gateway.slow_key) as client:
        for _ in range(2):
            try:
                await ready(client.chat.completions.create(model="gpt-4o", messages=HELLO))
            except openai.RateLimitError as error:
                limited = error
    assert 0 < int(limited.response.headers["retry-after"]) <= 60
    assert int(limited.response.headers["retry-after-ms"]) <= 60_000


@EVERY_KIND
async def test_a_prompt_that_is_filtered_is_azures_bad_request(gateway: Any, kind: Any) -> None:
    """Whether Content Safety or the model's own filter says it, the caller reads the same form."""
    blocked = [{"role": "user", "content": BLOCKED_PROMPT}]
    errors = []
    for url, key in ((gateway.backend_url, BACKENDS_KEY), (gateway.url, gateway.key)):
        async with client_of(kind, url, key) as client:
            errors.append(
                await caught(
                    lambda c=client: c.chat.completions.create(model="gpt-4o", messages=blocked)
                )
            )
    direct, through = errors
    assert type(through) is type(direct) is openai.BadRequestError
    assert (
        (through.code, through.param)
        == (direct.code, direct.param)
        == (
            "content_filter",
            "prompt",
        )
    )
    bodies: list[Any] = [through.body, direct.body]
    ours, theirs = (body["innererror"] for body in bodies)
    assert ours["code"] == theirs["code"] == "ResponsibleAIPolicyViolation"
    assert ours["content_filter_result"]["violence"] == theirs["content_filter_result"]["violence"]


@EVERY_KIND
async def test_a_stream_that_breaks_off_breaks_off(gateway: Any, kind: Any) -> None:
    """The SDK must not take half an answer for a whole one: same error as without the gateway."""
    kinds = []
    for url, key in ((gateway.backend_url, BACKENDS_KEY), (gateway.url, gateway.key)):
        async with client_of(kind, url, key) as client:
            stream = await ready(
                client.chat.completions.create(
                    model="gpt-4o", messages=HELLO, stream=True,
                    extra_headers={"x-simulate": "cut-stream"},
                )
            )  # fmt: skip
            with pytest.raises(Exception, match=r"\w") as broke:
                async for _ in each(stream):
                    pass
        kinds.append(broke.type)
    assert kinds[0] is kinds[1]


class Throttling:
    """A resource that is full for the first requests."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._lock = threading.Lock()
        self.left = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        with self._lock:
            self.left -= 1
            full = self.left >= 0
        if not full or "contentsafety" in scope["path"]:
            await self._app(scope, receive, send)
            return
        body = b'{"error":{"code":"429","message":"Please retry after 1 second."}}'
        headers = [
            (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)),
            (b"retry-after", b"1"), (b"retry-after-ms", b"40"),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def throttled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A gateway in front of such a resource: its address, a key, the resource."""
    home = tmp_path_factory.mktemp("throttled")
    config = SimulatorConfig(keys=frozenset({BACKENDS_KEY}))
    resource = Throttling(build_app(SimulatedResource(config)))
    (key,) = made_keys(home, app="all")
    with serving(simulator_server_for(resource)) as url:  # type: ignore[arg-type] # any ASGI
        text = FILE.format(url=url, check_answers="off").partition("[content_safety]")[0]
        with whole_gateway(home, text, BACKENDS_KEY) as (place, sink, outside):
            yield place, key, resource, sink, outside


@EVERY_KIND
async def test_the_sdk_comes_back_after_a_429(throttled: Any, kind: Any) -> None:
    """It waits as long as it was told, and gets its answer; each attempt of it is one event."""
    place, key, resource, sink, outside = throttled
    resource.left = 1
    before = len(sink.lines)
    with since(outside) as (seen,):
        async with client_of(kind, place, key, max_retries=4) as client:
            answer = await ready(client.chat.completions.create(model="gpt-4o", messages=HELLO))
    assert answer.choices
    statuses = [exchange.status for exchange in seen]
    assert statuses[0] == 429
    assert statuses[-1] == 200
    # What the backend has said, less the time that has passed since.
    assert 0 < int(dict(seen[0].answer_headers)["retry-after-ms"]) <= 40
    assert len(sink.lines) - before == len(statuses)


async def test_what_is_gone_is_gone(gateway: Any) -> None:
    """A response of nobody, and a path of nothing: 404, as from Azure."""
    async with client_of(KINDS[0], gateway.url, gateway.key) as client:
        assert await failure(lambda: client.responses.retrieve("resp_nobodys")) == (
            "NotFoundError",
            404,
        )
        assert await failure(lambda: client.get("/nothing", cast_to=object)) == (
            "NotFoundError",
            404,
        )
