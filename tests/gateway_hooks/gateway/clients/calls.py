"""What customers do with the openai SDK, written once for its four clients.

Each takes a client, synchronous or not, and returns what the caller saw, as plain data.
"""

from __future__ import annotations

import base64
import contextlib
import inspect
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.gateway_hooks.audio_samples import wav

Call = Callable[[Any], Awaitable[Any]]
HELLO: list[Any] = [{"role": "user", "content": "hi there"}]
PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63"
        "fcffff3f030005fe02fea7d6059b0000000049454e44ae426082"
    )
)
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a place",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


class Fruit(BaseModel):
    """What a structured answer has to be."""

    name: str
    grams: int


async def ready(answer: Any) -> Any:
    """The result of either kind of client."""
    return await answer if inspect.isawaitable(answer) else answer


async def each(stream: Any) -> AsyncIterator[Any]:
    """The items of either kind of stream."""
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


@contextlib.asynccontextmanager
async def entered(manager: Any) -> AsyncIterator[Any]:
    """Either kind of context manager."""
    if hasattr(manager, "__aenter__"):
        async with manager as inner:
            yield inner
    else:
        with manager as inner:
            yield inner


async def dumped(answer: Any) -> Any:
    """An answer of the SDK as plain data."""
    return (await ready(answer)).model_dump(warnings=False)


async def streamed(answer: Any) -> Any:
    """All items of a stream as plain data."""
    return [item.model_dump() async for item in each(await ready(answer))]


async def chat(client: Any) -> Any:
    """A short conversation."""
    return await dumped(client.chat.completions.create(model="gpt-4o", messages=HELLO))


async def chat_streamed(client: Any) -> Any:
    """The same, token by token, without a word about usage."""
    return await streamed(
        client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
    )


async def chat_streamed_with_usage(client: Any) -> Any:
    """With the usage in a last chunk."""
    return await streamed(
        client.chat.completions.create(
            model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )


async def chat_stream_helper(client: Any) -> Any:
    """The SDK's own helper, which puts a stream together."""
    kinds: list[str] = []
    async with entered(client.chat.completions.stream(model="gpt-4o", messages=HELLO)) as stream:
        kinds += [event.type async for event in each(stream)]
        final = await ready(stream.get_final_completion())
    return kinds, final.model_dump()


async def chat_raw(client: Any) -> Any:
    """The raw response with its headers."""
    raw = await ready(
        client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    )
    parsed = raw.parse().model_dump()
    return raw.status_code, sorted(name_of(raw.headers)), bool(raw.request_id), parsed


async def chat_streaming_response(client: Any) -> Any:
    """The response's bytes as they come."""
    create = client.chat.completions.with_streaming_response.create
    text = ""
    async with entered(create(model="gpt-4o", messages=HELLO, stream=True)) as response:
        async for part in each(response.iter_text()):
            text += part
        names = sorted(name_of(response.headers))
    return response.status_code, names, text.count("data: "), text.rstrip().endswith("[DONE]")


def name_of(headers: Any) -> set[str]:
    """The names of headers that callers may look at."""
    looked_at = {"x-request-id", "apim-request-id", "x-ms-region", "content-type"}
    return {name.lower() for name in headers if name.lower() in looked_at}


async def chat_with_a_tool(client: Any) -> Any:
    """The model asks for a tool, gets its result, and answers."""
    first = await ready(
        client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=[TOOL])
    )
    message = first.choices[0].message
    assert message.tool_calls
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
    messages = [*HELLO, message.model_dump(exclude_none=True), result]
    second = await dumped(
        client.chat.completions.create(model="gpt-4o", messages=messages, tools=[TOOL])
    )
    return first.model_dump(), second


async def chat_with_a_tool_streamed(client: Any) -> Any:
    """A tool's arguments, piece by piece."""
    return await streamed(
        client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=[TOOL], stream=True)
    )


async def chat_with_an_image(client: Any) -> Any:
    """A picture within the request."""
    content = [
        {"type": "text", "text": "what is this?"},
        {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{PIXEL.decode()}", "detail": "low"},
        },
    ]
    return await dumped(
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": content}]
        )
    )


async def chat_by_schema(client: Any) -> Any:
    """An answer in JSON, by a schema."""
    wanted = {
        "type": "json_schema",
        "json_schema": {
            "name": "fruit",
            "strict": True,
            "schema": Fruit.model_json_schema() | {"additionalProperties": False},
        },
    }
    return await dumped(
        client.chat.completions.create(model="gpt-4o", messages=HELLO, response_format=wanted)
    )


async def chat_with_every_option(client: Any) -> Any:
    """Options that a gateway has no business with, and one it has never heard of."""
    return await dumped(
        client.chat.completions.create(
            model="gpt-4o", messages=HELLO, n=3, logprobs=True, top_logprobs=2, temperature=0.2,
            top_p=0.9, seed=7, stop=["END"], presence_penalty=0.1, frequency_penalty=0.1,
            logit_bias={"50256": -100}, user="user-7", max_tokens=40,
            extra_body={"of_the_future": {"x": [1, None, "\u00e9"]}},
            extra_headers={"x-of-the-future": "yes"},
        )
    )  # fmt: skip


async def chat_reasoning(client: Any) -> Any:
    """A model that thinks."""
    return await dumped(
        client.chat.completions.create(
            model="o4-mini", messages=HELLO, reasoning_effort="low", max_completion_tokens=2000
        )
    )


async def completion(client: Any) -> Any:
    """The old text completions, for two prompts."""
    return await dumped(
        client.completions.create(
            model="gpt-35-turbo-instruct", prompt=["one", "two"], max_tokens=20
        )
    )


async def completion_streamed(client: Any) -> Any:
    """The same, token by token."""
    return await streamed(
        client.completions.create(model="gpt-35-turbo-instruct", prompt="one", stream=True)
    )


async def embeddings_of_texts(client: Any) -> Any:
    """Floats; the SDK asks for base64 and decodes it."""
    return await dumped(
        client.embeddings.create(model="text-embedding-3-small", input=["a", "b c"])
    )


async def embeddings_of_tokens(client: Any) -> Any:
    """Lists of token numbers, with fewer dimensions."""
    return await dumped(
        client.embeddings.create(
            model="text-embedding-3-small", input=[[1, 2, 3], [4]], dimensions=64,
            encoding_format="float",
        )
    )  # fmt: skip


async def embeddings_in_base64(client: Any) -> Any:
    """As the wire has them."""
    return await dumped(
        client.embeddings.create(
            model="text-embedding-ada-002", input="a", encoding_format="base64"
        )
    )


async def responses(client: Any) -> Any:
    """Create, go on from it, fetch, list its input, delete, and fetch in vain."""
    first = await ready(client.responses.create(model="gpt-4o", input="hi there"))
    second = await ready(
        client.responses.create(
            model="gpt-4o", input="go on", previous_response_id=first.id, background=True
        )
    )
    fetched = await dumped(client.responses.retrieve(first.id))
    items = await streamed(client.responses.input_items.list(first.id))
    await ready(client.responses.delete(first.id))
    gone = await failure(lambda: client.responses.retrieve(first.id))
    return fetched, [type(item).__name__ for item in items], second.usage.model_dump(), gone


async def failure(ask: Callable[[], Any]) -> Any:
    """The class of the SDK's error and its status."""
    with pytest.raises(openai.APIStatusError) as failed:
        await ready(ask())
    return type(failed.value).__name__, failed.value.status_code


async def responses_streamed(client: Any) -> Any:
    """The events of a response."""
    events = await streamed(
        client.responses.create(
            model="o4-mini", input=[{"role": "user", "content": "hi"}], stream=True
        )
    )
    return [event["type"] for event in events], events[-1]["response"]["usage"]


async def responses_with_a_tool(client: Any) -> Any:
    """A function call and its output."""
    tool = {"type": "function", **TOOL["function"]}
    first = await ready(client.responses.create(model="gpt-4o", input="hi", tools=[tool]))
    asked = next(item for item in first.output if item.type == "function_call")
    output = {"type": "function_call_output", "call_id": asked.call_id, "output": "sunny"}
    second = await ready(
        client.responses.create(
            model="gpt-4o", input=[output], previous_response_id=first.id, tools=[tool]
        )
    )
    return asked.name, second.output_text, second.usage.model_dump()


async def images(client: Any) -> Any:
    """A picture from each kind of model."""
    first = await dumped(
        client.images.generate(model="dall-e-3", prompt="a fox", size="1024x1792", quality="hd")
    )
    second = await dumped(client.images.generate(model="gpt-image-1", prompt="a fox", n=2))
    return len(first["data"]), len(second["data"]), second["usage"]


async def image_edit(client: Any) -> Any:
    """An upload in parts."""
    picture = ("fox.png", base64.b64decode(PIXEL), "image/png")
    answer = await dumped(
        client.images.edit(model="gpt-image-1", image=picture, mask=picture, prompt="a red fox")
    )
    return len(answer["data"]), answer["usage"]


async def transcriptions(client: Any) -> Any:
    """A recording, in the formats there are."""
    sound = ("talk.wav", wav(2), "audio/wav")
    found: list[Any] = []
    for form in ("json", "verbose_json", "text", "srt", "vtt"):
        answer = await ready(
            client.audio.transcriptions.create(model="whisper", file=sound, response_format=form)
        )
        found.append(answer if isinstance(answer, str) else answer.model_dump())
    return found


async def transcription_streamed(client: Any) -> Any:
    """Words as they are heard."""
    sound = ("talk.wav", wav(2), "audio/wav")
    return await streamed(
        client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound, stream=True)
    )


async def translation(client: Any) -> Any:
    """Into English."""
    sound = ("talk.wav", wav(1), "audio/wav")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the SDK's own
        return await dumped(client.audio.translations.create(model="whisper", file=sound))


async def speech(client: Any) -> Any:
    """Sound, streamed to the caller."""
    create = client.audio.speech.with_streaming_response.create
    sound = b""
    async with entered(
        create(model="tts-1", voice="alloy", input="hello", response_format="wav")
    ) as response:
        async for part in each(response.iter_bytes()):
            sound += part
    return response.headers["content-type"], len(sound), sound[:4]


async def models(client: Any) -> Any:
    """What there is, and one of them."""
    listed = [item["id"] for item in await streamed(client.models.list())]
    return listed, await dumped(client.models.retrieve(listed[0]))


EVERYWHERE: tuple[Call, ...] = (
    chat, chat_streamed, chat_streamed_with_usage, chat_stream_helper, chat_raw,
    chat_streaming_response, chat_with_a_tool, chat_with_a_tool_streamed, chat_with_an_image,
    chat_by_schema, chat_with_every_option, chat_reasoning, completion, completion_streamed,
    embeddings_of_texts, embeddings_of_tokens, embeddings_in_base64, responses, responses_streamed,
    responses_with_a_tool, images, image_edit, transcriptions, transcription_streamed, translation,
    speech, models,
)  # fmt: skip
BY_CHANCE = {
    chat_streamed, chat_stream_helper, chat_streaming_response, chat_with_a_tool,
    chat_with_a_tool_streamed, completion_streamed, responses, responses_with_a_tool,
}  # fmt: skip
"""Their requests hold an id of an earlier answer, or the gateway asks for the usage besides, so the
simulator, whose words hang on the request's bytes, says something else."""
