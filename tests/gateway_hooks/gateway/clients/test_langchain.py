"""LangChain, whose programs know nothing of gateways, through the whole gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import AzureChatOpenAI, AzureOpenAIEmbeddings, ChatOpenAI
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient
from pydantic import BaseModel, Field

from tests.gateway_hooks.gateway.clients.metered import assert_metered
from tests.gateway_hooks.gateway.clients.wire import assert_unchanged, since

VERSION = "2024-10-21"


@pytest.fixture(autouse=True)
def _tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """LangChain sends no traces anywhere."""
    for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGCHAIN_TRACING"):
        monkeypatch.setenv(name, "false")


@pytest.fixture
async def connections() -> AsyncIterator[dict[str, Any]]:
    """Connections that are closed at the end, as LangChain's own are not."""
    with DefaultHttpxClient() as client:
        async with DefaultAsyncHttpxClient() as later:
            yield {"http_client": client, "http_async_client": later}


@pytest.fixture
def chat(gateway: Any, connections: Any) -> Callable[..., AzureChatOpenAI]:
    """Makes chat models as its documentation says."""
    return lambda **options: AzureChatOpenAI(
        azure_endpoint=gateway.url, azure_deployment="gpt-4o", api_key=gateway.key,
        api_version=VERSION, max_retries=0, **connections, **options,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _unchanged_and_metered(gateway: Any) -> Iterator[None]:
    """Nothing that passes is changed; each request is one event with the billed usage."""
    before = len(gateway.sink.lines)
    with since(gateway.outside, gateway.inside) as (outside, inside):
        yield
    assert outside
    assert_unchanged(outside, inside)
    assert_metered(gateway, before, outside)


def joined(parts: list[AIMessageChunk]) -> AIMessageChunk:
    """The message that a stream's parts make."""
    whole = parts[0]
    for part in parts[1:]:
        whole += part
    return whole


def test_invoke(chat: Any, gateway: Any) -> None:
    """Text and usage arrive."""
    answer = chat().invoke("hi there")
    assert answer.text
    billed = gateway.ledger.entries()[-1].used
    assert answer.usage_metadata["input_tokens"] == billed.input_tokens
    assert answer.usage_metadata["output_tokens"] == billed.output_tokens


async def test_ainvoke_and_batch(chat: Any) -> None:
    """Asynchronously, and several at once."""
    model = chat()
    assert (await model.ainvoke([HumanMessage("hi there")])).text
    assert all(answer.text for answer in await model.abatch(["one", "two", "three"]))


@pytest.mark.parametrize("asks_for_usage", [True, False])
async def test_stream(chat: Any, *, asks_for_usage: bool) -> None:
    """With and without usage, synchronously or not."""
    model = chat(stream_usage=asks_for_usage)
    whole = joined(list(model.stream("hi there")))
    later = joined([part async for part in model.astream("hi there")])
    for message in (whole, later):
        assert message.text
        assert (message.usage_metadata is not None) is asks_for_usage


class Place(BaseModel):
    """What a tool is given."""

    place: str = Field(description="a town")


@tool(args_schema=Place)
def weather(place: str) -> str:
    """The weather of a place."""
    return f"sunny in {place}"


def test_tools(chat: Any) -> None:
    """The model calls a tool, LangChain reads the call, the result goes back."""
    model = chat().bind_tools([weather])
    asked = model.invoke("how is the weather?")
    (call,) = asked.tool_calls
    assert call["name"] == "weather"
    messages = [
        HumanMessage("how is the weather?"),
        asked,
        ToolMessage("sunny", tool_call_id=call["id"]),
    ]
    assert model.invoke(messages).text
    streamed = joined(list(model.stream("how is the weather?")))
    assert [one["name"] for one in streamed.tool_calls] == ["weather"]


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_structured_output(chat: Any, method: str) -> None:
    """In each way of asking for it; the simulator's words need not fit the schema."""
    model = chat().with_structured_output(Place, method=method, include_raw=True)
    answer = model.invoke("which place? answer in JSON")
    assert answer["raw"].response_metadata["finish_reason"] in {"stop", "tool_calls"}


def test_the_responses_api_and_version_1(chat: Any, gateway: Any, connections: Any) -> None:
    """LangChain's other ways to the same models."""
    assert chat(use_responses_api=True, output_version="responses/v1").invoke("hi there").text
    release = ChatOpenAI(
        base_url=f"{gateway.url}/openai/v1", api_key=gateway.key, model="gpt-4o", max_retries=0,
        **connections,
    )  # fmt: skip
    assert release.invoke("hi there").text


async def test_embeddings(gateway: Any, connections: Any) -> None:
    """Documents and queries; as texts, because LangChain's own splitting wants a download."""
    model = AzureOpenAIEmbeddings(
        azure_endpoint=gateway.url, azure_deployment="text-embedding-3-small",
        api_key=gateway.key, api_version=VERSION, max_retries=0,
        check_embedding_ctx_length=False, **connections,
    )  # fmt: skip
    assert [len(vector) for vector in model.embed_documents(["a", "b c"])] == [1536, 1536]
    assert len(await model.aembed_query("a")) == 1536
