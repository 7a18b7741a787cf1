"""What the callers do, one function an act: each makes real requests and says what it saw."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from gatemeter.demo.seen import Seen
from gatemeter.simulator.config import BLOCKED_PROMPT, JAILBREAK_PROMPT
from gatemeter.simulator.words import filler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from openai.types import CompletionUsage

    from gatemeter.demo.customer import Customer

    Act = Callable[[Customer], Awaitable[None]]

OLD_API_VERSION: Final = "2024-06-01"
_WEATHER: Final[Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
_PIXEL: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhg"
    "GAWjR9awAAAABJRU5ErkJggg=="
)


def prompt(customer: Customer, tokens: int = 40) -> list[Any]:
    """Messages about nothing."""
    return [
        {"role": "system", "content": filler(customer.rng, 12)},
        {"role": "user", "content": filler(customer.rng, customer.rng.randint(5, tokens))},
    ]


def chat_usage(operation: str, usage: CompletionUsage | None) -> Seen | None:
    """The usage of a chat or text completion."""
    if usage is None:
        return None
    return Seen(operation, input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens)


def chat(
    *models: str,
    v1: bool = False,
    tokens: int = 40,
    **options: Any,  # noqa: ANN401 - fields of the request's body
) -> Act:
    """A whole answer."""

    async def act(customer: Customer) -> None:
        client = customer.v1 if v1 else customer.azure

        async def ask(headers: Mapping[str, str]) -> Seen | None:
            completion = await client.chat.completions.create(
                model=customer.rng.choice(models),
                messages=prompt(customer, tokens),
                extra_headers=headers,
                **options,
            )
            return chat_usage("chat", completion.usage)

        await customer.make("chat", ask)

    return act


def chat_stream(
    *models: str, v1: bool = False, with_usage: bool = False, api_version: str | None = None
) -> Act:
    """A streamed answer, whose last chunk has the usage if it was asked for."""

    async def act(customer: Customer) -> None:
        client = customer.v1 if v1 else customer.azure
        options: dict[str, Any] = {}
        if with_usage:
            options["stream_options"] = {"include_usage": True}
        if api_version is not None:
            options["extra_query"] = {"api-version": api_version}

        async def ask(headers: Mapping[str, str]) -> Seen | None:
            usage = None
            stream = await client.chat.completions.create(
                model=customer.rng.choice(models),
                messages=prompt(customer),
                stream=True,
                extra_headers=headers,
                **options,
            )
            async for chunk in stream:
                usage = chunk.usage or usage
            return chat_usage("chat", usage)

        await customer.make("chat", ask)

    return act


async def vision(customer: Customer) -> None:
    """A picture and a question."""

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        content: list[Any] = [
            {"type": "text", "text": filler(customer.rng, 8)},
            {"type": "image_url", "image_url": {"url": _PIXEL, "detail": "auto"}},
        ]
        completion = await customer.azure.chat.completions.create(
            model="chat",
            messages=[{"role": "user", "content": content}],
            extra_headers=headers,
        )
        return chat_usage("chat", completion.usage)

    await customer.make("chat", ask)


async def same_long_prompt(customer: Customer) -> None:
    """A long prompt whose beginning is always the same, so that most of it is cached."""

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        handbook = "The handbook says: " + "forest river mountain lake " * 400
        completion = await customer.azure.chat.completions.create(
            model="chat-new",
            messages=[
                {"role": "system", "content": handbook},
                {"role": "user", "content": filler(customer.rng, 10)},
            ],
            extra_headers=headers,
        )
        return chat_usage("chat", completion.usage)

    await customer.make("chat", ask)


def refused_prompt(word: str) -> Act:
    """A prompt that the content filter does not let through: a 400 that is billed all the same."""

    async def act(customer: Customer) -> None:
        async def ask(headers: Mapping[str, str]) -> Seen | None:
            await customer.azure.chat.completions.create(
                model="chat",
                messages=[{"role": "user", "content": f"{filler(customer.rng, 9)} {word}"}],
                extra_headers=headers,
            )
            return None

        await customer.make("chat", ask)

    return act


def wrong(model: str, **options: Any) -> Act:  # noqa: ANN401 - fields of the request's body
    """A caller's mistake: a deployment or a value that does not exist."""

    async def act(customer: Customer) -> None:
        async def ask(headers: Mapping[str, str]) -> Seen | None:
            await customer.azure.chat.completions.create(
                model=model, messages=prompt(customer), extra_headers=headers, **options
            )
            return None

        await customer.make("chat", ask)

    return act


async def text_completion(customer: Customer) -> None:
    """The old completions, synchronous, now and then as a stream without usage."""
    stream = customer.rng.random() < 0.5  # noqa: PLR2004 - half of them
    text = filler(customer.rng, 20)

    def create(headers: Mapping[str, str]) -> Seen | None:
        if not stream:
            completion = customer.azure_sync.completions.create(
                model="instruct", prompt=text, max_tokens=40, extra_headers=headers
            )
            return chat_usage("text_completion", completion.usage)
        for _ in customer.azure_sync.completions.create(
            model="instruct", prompt=text, stream=True, extra_headers=headers
        ):
            pass
        return None

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        return await asyncio.to_thread(create, headers)

    await customer.make("text_completion", ask)


async def embeddings(customer: Customer) -> None:
    """Texts, or token ids, become vectors."""
    rng = customer.rng
    texts = [filler(rng, rng.randint(10, 60)) for _ in range(rng.randint(1, 8))]
    ids = [rng.randrange(50_000) for _ in range(rng.randint(5, 50))]

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        given: Any = texts if rng.random() < 0.8 else ids  # noqa: PLR2004 - mostly texts
        answer = await customer.azure.embeddings.create(
            model="embed", input=given, extra_headers=headers
        )
        return Seen("embeddings", input_tokens=answer.usage.prompt_tokens)

    await customer.make("embeddings", ask)


PLAYBILL: Final[tuple[tuple[int, Act], ...]] = (
    (14, chat("chat", "chat-mini")),
    (6, chat("chat", "chat-mini", "chat-new", v1=True)),
    (3, chat("chat-mini", tools=[_WEATHER])),
    (2, chat("chat-new", response_format={"type": "json_object"}, n=2)),
    (4, chat("reasoning", v1=True, tokens=80)),
    (2, chat("chat-legacy", max_tokens=30)),
    (2, chat("experiment")),
    (12, chat_stream("chat", "chat-mini")),
    (8, chat_stream("chat", "chat-new", with_usage=True)),
    (4, chat_stream("chat-mini", v1=True)),
    (2, chat_stream("chat-mini", api_version=OLD_API_VERSION)),
    (3, vision),
    (4, same_long_prompt),
    (2, refused_prompt(BLOCKED_PROMPT)),
    (1, refused_prompt(JAILBREAK_PROMPT)),
    (1, wrong("chat-that-never-was")),
    (1, wrong("chat", n=0)),
    (4, text_completion),
    (9, embeddings),
)
"""Acts on text, by how often they are played."""
