"""Programs without a key: the SDK asks for an Entra token, the gateway checks it by its issuer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import openai
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from langchain_openai import AzureChatOpenAI

from gatemeter.simulator import SimulatedResource, SimulatorConfig, build_app
from gatemeter.simulator.server import server_for as simulator_server_for
from tests.gateway_hooks.gateway.clients.calls import HELLO
from tests.gateway_hooks.gateway.clients.conftest import FILE, whole_gateway
from tests.gateway_hooks.gateway.conftest import serving

BACKENDS_KEY = "the-backends-own-key"
AUDIENCE = "api://gateway"
RULE = """
[[entra]]
issuer = "https://issuer.example/v2"
discovery_url = "{url}/.well-known/openid-configuration"
audiences = ["api://gateway"]
roles = ["LLM.Use"]
product = "all"
team = "research"
"""


class Issuer:
    """An issuer's two documents, over HTTP, and its tokens."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.url = ""
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI
        """ASGI."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        answer: dict[str, Any] = {"keys": [{**public, "kid": "one", "use": "sig"}]}
        if scope["path"].endswith("openid-configuration"):
            answer = {"issuer": "https://issuer.example/v2", "jwks_uri": f"{self.url}/keys"}
        body = json.dumps(answer).encode()
        headers = [
            (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def token(self, **changed: Any) -> str:
        """What Entra would give a program."""
        self.asked += 1
        now = int(time.time())
        claims = {
            "iss": "https://issuer.example/v2", "aud": AUDIENCE, "oid": "a-program",
            "iat": now, "nbf": now, "exp": now + 3600, "roles": ["LLM.Use"],
        }  # fmt: skip
        return jwt.encode({**claims, **changed}, self._private, "RS256", headers={"kid": "one"})


@pytest.fixture(scope="module")
def entra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A gateway that lets in by tokens: its address, the issuer, its events."""
    home = tmp_path_factory.mktemp("entra")
    resource = SimulatedResource(SimulatorConfig(keys=frozenset({BACKENDS_KEY})))
    issuer = Issuer()
    with (
        serving(simulator_server_for(build_app(resource))) as backend,
        serving(simulator_server_for(issuer)) as issuer.url,  # type: ignore[arg-type] # any ASGI
    ):
        text = FILE.format(url=backend, check_answers="off") + RULE.format(url=issuer.url)
        with whole_gateway(home, text, BACKENDS_KEY) as (url, sink, _):
            yield url, issuer, sink


async def test_the_sdk_calls_by_its_token_provider(entra: Any) -> None:
    """Synchronously and not; the provider is asked for each request, as against Azure."""
    url, issuer, sink = entra
    told: dict[str, Any] = {"azure_endpoint": url, "api_version": "2024-10-21", "max_retries": 0}

    async def later() -> str:
        await asyncio.sleep(0)
        return str(issuer.token())

    before, asked = len(sink.lines), issuer.asked
    with openai.AzureOpenAI(azure_ad_token_provider=issuer.token, **told) as client:
        for _ in range(2):
            assert client.chat.completions.create(model="gpt-4o", messages=HELLO).choices
    async with openai.AsyncAzureOpenAI(azure_ad_token_provider=later, **told) as other:
        assert (await other.chat.completions.create(model="gpt-4o", messages=HELLO)).choices
    assert issuer.asked == asked + 3
    events = [json.loads(line) for line in sink.lines[before:]]
    assert {(event["auth_type"], event["team"]) for event in events} == {("entra", "research")}


def test_langchain_calls_by_a_token_provider(entra: Any) -> None:
    """It hands the provider on to the SDK."""
    url, issuer, _ = entra
    with openai.DefaultHttpxClient() as connections:
        model = AzureChatOpenAI(
            azure_endpoint=url, azure_deployment="gpt-4o", api_version="2024-10-21",
            azure_ad_token_provider=issuer.token, max_retries=0, http_client=connections,
        )  # fmt: skip
        assert model.invoke("hi there").text


def test_a_token_that_has_expired_is_an_authentication_error(entra: Any) -> None:
    """The SDK's own class, as from Azure."""
    url, issuer, _ = entra
    with (
        openai.AzureOpenAI(
            azure_endpoint=url, api_version="2024-10-21", max_retries=0,
            azure_ad_token=issuer.token(exp=1),
        ) as client,
        pytest.raises(openai.AuthenticationError),
    ):  # fmt: skip
        client.chat.completions.create(model="gpt-4o", messages=HELLO)
