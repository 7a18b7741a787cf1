"""Acts with stored responses, pictures, sound, and the operations no SDK has any more.

Pictures and seconds are written down where they are what is paid for: a model that is priced by
tokens tells its tokens, and nobody counts its pictures too.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Final

from gatemeter.demo.customer import API_VERSION
from gatemeter.demo.seen import Seen
from gatemeter.simulator.audio import silence
from gatemeter.simulator.images import PIXEL
from gatemeter.simulator.words import filler

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from gatemeter.demo.acts import Act
    from gatemeter.demo.customer import Customer

_DALL_E_2: Final = {"api-version": "2023-06-01-preview"}
_ON_YOUR_DATA: Final = {"api-version": "2023-08-01-preview"}
_INGESTION: Final = {"api-version": "2024-07-01-preview"}
_ACCEPTED: Final = 202
_MOST_POLLS: Final = 5
_ROUNDS_OF_A_TALK: Final = 2


async def respond(customer: Customer) -> None:
    """A response, streamed or not, fetched again now and then, which must not cost twice."""
    made: list[str] = []
    streams = customer.rng.random() < 0.4  # noqa: PLR2004 - less than half
    text = filler(customer.rng, 20)

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        if streams:
            stream = await customer.v1.responses.create(
                model="chat-new", input=text, stream=True, extra_headers=headers
            )
            response = None
            async for event in stream:
                if event.type == "response.completed":
                    response = event.response
        else:
            response = await customer.v1.responses.create(
                model="chat-new", input=text, extra_headers=headers
            )
        if response is None or response.usage is None:
            return None
        made.append(response.id)
        return _response_usage(response.usage)

    async def fetch(headers: Mapping[str, str]) -> Seen | None:
        await customer.v1.responses.retrieve(made[0], extra_headers=headers)
        return Seen("fetch_response")

    async def forget(headers: Mapping[str, str]) -> Seen | None:
        await customer.v1.responses.delete(made[0], extra_headers=headers)
        return Seen("fetch_response")

    await customer.make("responses", ask)
    if made and customer.rng.random() < 0.5:  # noqa: PLR2004 - half of them
        await customer.make("fetch_response", fetch)
        await customer.make("fetch_response", forget)


async def talk(customer: Customer) -> None:
    """A conversation in several responses, each of which refers to the one before."""
    previous: list[str] = []

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        response = await customer.v1.responses.create(
            model="chat",
            input=filler(customer.rng, 12),
            previous_response_id=previous[-1] if previous else None,
            extra_headers=headers,
        )
        previous.append(response.id)
        return None if response.usage is None else _response_usage(response.usage)

    for _ in range(_ROUNDS_OF_A_TALK):
        await customer.make("responses", ask)


def _response_usage(usage: Any) -> Seen:  # noqa: ANN401 - two SDK generations name its class differently
    return Seen("responses", input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)


async def draw(customer: Customer) -> None:
    """DALL-E 3, which tells no usage: the caller counts the pictures it got."""

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        answer = await customer.azure.images.generate(
            model="draw",
            prompt=filler(customer.rng, 15),
            size=customer.rng.choice(["1024x1024", "1792x1024"]),
            quality=customer.rng.choice(["standard", "hd"]),
            extra_headers=headers,
        )
        return Seen("image_generation", images=len(answer.data or []))

    await customer.make("image_generation", ask)


async def draw_by_tokens(customer: Customer) -> None:
    """gpt-image draws, or changes a picture; both are priced by tokens."""
    edits = customer.rng.random() < 0.3  # noqa: PLR2004 - some of them
    operation = "image_edit" if edits else "image_generation"

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        if edits:
            answer = await customer.v1.images.edit(
                model="draw-new",
                image=("picture.png", PIXEL),
                prompt=filler(customer.rng, 10),
                extra_headers=headers,
            )
        else:
            answer = await customer.v1.images.generate(
                model="draw-new",
                prompt=filler(customer.rng, 10),
                quality="low",
                extra_headers=headers,
            )
        if answer.usage is None:
            return None
        return Seen(
            operation,
            input_tokens=answer.usage.input_tokens,
            output_tokens=answer.usage.output_tokens,
        )

    await customer.make(operation, ask)


async def draw_classic(customer: Customer) -> None:
    """DALL-E 2: submit, ask until it is done, delete. Only what was submitted costs."""
    asked: list[httpx.Response] = []
    count = customer.rng.randint(1, 3)

    async def submit(headers: Mapping[str, str]) -> Seen | None:
        asked.append(
            await customer.http.post(
                "/openai/images/generations:submit",
                params=_DALL_E_2,
                json={"prompt": filler(customer.rng, 10), "n": count, "size": "512x512"},
                headers=dict(headers),
            )
        )
        drawn = count if asked[0].status_code == _ACCEPTED else 0
        return Seen("image_generation", asked[0].status_code, images=drawn)

    async def look(headers: Mapping[str, str]) -> Seen | None:
        place = asked[0].headers["operation-location"]
        asked.append(await customer.http.get(place, headers=dict(headers)))
        return Seen("image_operation", asked[-1].status_code)

    await customer.make("image_generation", submit)
    if asked and asked[0].status_code == _ACCEPTED:
        for _ in range(_MOST_POLLS):
            await customer.make("image_operation", look)
            if asked[-1].json().get("status") == "succeeded":
                break


def listen(operation: str, form: str) -> Act:
    """Upload a recording whose length the caller knows; Whisper is priced by the second."""

    async def act(customer: Customer) -> None:
        seconds = customer.rng.randint(4, 40) / 4
        task = "translations" if operation == "translation" else "transcriptions"

        async def ask(headers: Mapping[str, str]) -> Seen | None:
            answer = await customer.http.post(
                f"/openai/deployments/listen/audio/{task}",
                params={"api-version": API_VERSION},
                data={"response_format": form},
                files={"file": ("speech.wav", silence(seconds), "audio/wav")},
                headers=dict(headers),
            )
            heard = seconds if answer.is_success else 0.0
            return Seen(operation, answer.status_code, audio_seconds=heard)

        await customer.make(operation, ask)

    return act


async def listen_by_tokens(customer: Customer) -> None:
    """A transcription that is priced by tokens, by the synchronous SDK."""
    seconds = customer.rng.randint(4, 20) / 4

    def create(headers: Mapping[str, str]) -> Seen | None:
        answer = customer.azure_sync.audio.transcriptions.create(
            model="listen-new", file=("speech.wav", silence(seconds)), extra_headers=headers
        )
        usage = answer.usage
        if usage is None or usage.type != "tokens":
            return None
        return Seen(
            "transcription",
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
        )

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        return await asyncio.to_thread(create, headers)

    await customer.make("transcription", ask)


async def speak(customer: Customer) -> None:
    """A text is read aloud; it is priced by the character."""
    text = filler(customer.rng, customer.rng.randint(10, 60)) + " schön"

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        answer = await customer.azure.audio.speech.create(
            model="speak", voice="alloy", input=text, extra_headers=headers
        )
        await answer.aread()
        return Seen("speech", characters=len(text))

    await customer.make("speech", ask)


async def ask_own_data(customer: Customer) -> None:
    """Chat over one's own data, on the path of its own that it had at first."""

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        answer = await customer.http.post(
            "/openai/deployments/chat-new/extensions/chat/completions",
            params=_ON_YOUR_DATA,
            json={
                "messages": [{"role": "user", "content": filler(customer.rng, 12)}],
                "dataSources": [{"type": "AzureCognitiveSearch", "parameters": {}}],
            },
            headers=dict(headers),
        )
        if not answer.is_success:
            return Seen("on_your_data", answer.status_code)
        usage = answer.json()["usage"]
        return Seen(
            "on_your_data",
            input_tokens=usage["prompt_tokens"],
            output_tokens=usage["completion_tokens"],
        )

    await customer.make("on_your_data", ask)


async def ingest(customer: Customer) -> None:
    """An ingestion job is started and looked at; neither costs tokens."""
    path = f"/openai/ingestion/jobs/{uuid.UUID(int=customer.rng.getrandbits(128), version=4)}"

    async def create(headers: Mapping[str, str]) -> Seen | None:
        answer = await customer.http.put(
            path, params=_INGESTION, json={"kind": "SystemCompute"}, headers=dict(headers)
        )
        return Seen("ingestion_job", answer.status_code)

    async def look(headers: Mapping[str, str]) -> Seen | None:
        answer = await customer.http.get(path, params=_INGESTION, headers=dict(headers))
        return Seen("ingestion_job", answer.status_code)

    for step in (create, look):
        await customer.make("ingestion_job", step)


async def list_models(customer: Customer) -> None:
    """What programs do at their start."""

    async def ask(headers: Mapping[str, str]) -> Seen | None:
        await customer.azure.models.list(extra_headers=headers)
        return Seen("other")

    await customer.make("other", ask)


PLAYBILL: Final[tuple[tuple[int, Act], ...]] = (
    (5, respond),
    (2, talk),
    (2, draw),
    (2, draw_by_tokens),
    (1, draw_classic),
    (1, listen("transcription", "json")),
    (1, listen("transcription", "verbose_json")),
    (1, listen("transcription", "srt")),
    (1, listen("translation", "text")),
    (1, listen_by_tokens),
    (3, speak),
    (2, ask_own_data),
    (1, ingest),
    (1, list_models),
)
"""Acts on everything else, by how often they are played."""
