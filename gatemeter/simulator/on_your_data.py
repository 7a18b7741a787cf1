"""POST extensions/chat/completions: chat over one's own data, in the shapes of its two eras.

The first previews answered `choices[].messages[]` without any usage, and ended a stream with a
message whose content is `[DONE]`. From 2023-08-01-preview on, an answer looks like chat's, with the
citations in `message.context.messages`, and with usage unless it is streamed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from gatemeter.simulator import chat, errors, filters
from gatemeter.simulator.answers import DONE, Frame, sse
from gatemeter.simulator.generation import Said, say
from gatemeter.simulator.ids import new_id
from gatemeter.simulator.ledger import Used
from gatemeter.simulator.words import filler

if TYPE_CHECKING:
    from starlette.responses import Response

    from gatemeter.simulator.call import Call

FIRST_WITH_USAGE: Final = "2023-08-01"
_RETRIEVED_TOKENS: Final = 400


async def answer(call: Call) -> Response:
    """Answer one request over the caller's data."""
    if not (call.body.get("dataSources") or call.body.get("data_sources")):
        raise errors.bad_request("Validation error at #/dataSources: field required")
    prompt = chat.read_prompt(call)
    retrieved = _RETRIEVED_TOKENS + call.rng.randrange(200)
    said = say(call, limit=call.body.get("max_tokens"))
    used = Used(input_tokens=prompt.used.input_tokens + retrieved, output_tokens=len(said.pieces))
    completion_id = new_id("chatcmpl-")
    first_era = call.api_version[:10] < FIRST_WITH_USAGE
    shape = _FirstEra(call, completion_id) if first_era else _SecondEra(call, completion_id)
    citations = _citations(call)
    if call.body.get("stream"):
        return call.stream(shape.frames(said, citations), used, response_id=completion_id)
    return call.reply(shape.whole(said, citations, used), used, response_id=completion_id)


def _citations(call: Call) -> str:
    """What the tool message holds: a JSON text with the passages that were found."""
    citation = {
        "content": filler(call.rng, 12),
        "id": None,
        "title": filler(call.rng, 2),
        "filepath": "handbook.md",
        "url": "https://contoso.example/handbook.md",
        "metadata": {"chunking": "orignal document size=1000. Scores=0.4"},
        "chunk_id": "0",
    }
    return json.dumps({"citations": [citation], "intent": json.dumps([filler(call.rng, 3)])})


class _FirstEra:
    """`messages` instead of `message`, no usage, `[DONE]` as content."""

    def __init__(self, call: Call, completion_id: str) -> None:
        self._base = {
            "id": completion_id,
            "model": "",
            "created": call.created,
            "object": "chat.completion",
        }

    def whole(self, said: Said, citations: str, used: Used) -> dict[str, Any]:  # noqa: ARG002 - this era tells no usage
        messages = [
            {"index": 0, "role": "tool", "content": citations, "end_turn": False},
            {"index": 1, "role": "assistant", "content": said.text, "end_turn": True},
        ]
        return self._base | {"choices": [{"index": 0, "messages": messages}]}

    def frames(self, said: Said, citations: str) -> list[Frame]:
        return [
            self._frame(0, {"role": "tool", "content": citations}),
            self._frame(1, {"role": "assistant"}),
            *(self._frame(1, {"content": piece}, tokens=1) for piece in said.pieces),
            self._frame(1, {"content": "[DONE]"}, end_turn=True),
        ]

    def _frame(
        self, index: int, delta: dict[str, str], *, end_turn: bool = False, tokens: int = 0
    ) -> Frame:
        message = {"index": index, "delta": delta, "end_turn": end_turn}
        chunk = self._base | {
            "object": "chat.completion.chunk",
            "choices": [
                {
                    "index": 0,
                    "messages": [message],
                    "finish_reason": "stop" if end_turn else None,
                }
            ],
        }
        return sse(chunk, tokens=tokens)


class _SecondEra:
    """Chat's own shape, with the tool's message in `context`."""

    def __init__(self, call: Call, completion_id: str) -> None:
        self._base = chat.envelope(call, completion_id, "extensions.chat.completion")

    def whole(self, said: Said, citations: str, used: Used) -> dict[str, Any]:
        message = {
            "role": "assistant",
            "content": said.text,
            "end_turn": True,
            "context": self._context(citations),
        }
        choice = {
            "index": 0,
            "finish_reason": said.finish_reason,
            "message": message,
            "content_filter_results": filters.answer_results(),
        }
        return self._base | {"choices": [choice], "usage": chat.usage(used)}

    def frames(self, said: Said, citations: str) -> list[Frame]:
        opening = {"role": "assistant", "context": self._context(citations)}
        return [
            self._frame(opening, None),
            *(self._frame({"content": piece}, None, tokens=1) for piece in said.pieces),
            self._frame({}, said.finish_reason),
            Frame(DONE),
        ]

    def _frame(self, delta: dict[str, Any], finish_reason: str | None, *, tokens: int = 0) -> Frame:
        choice = {
            "index": 0,
            "delta": delta,
            "end_turn": finish_reason is not None,
            "finish_reason": finish_reason,
        }
        chunk = {"object": "extensions.chat.completion.chunk", "choices": [choice]}
        return sse(self._base | chunk, tokens=tokens)

    @staticmethod
    def _context(citations: str) -> dict[str, Any]:
        return {"messages": [{"role": "tool", "content": citations, "end_turn": False}]}
