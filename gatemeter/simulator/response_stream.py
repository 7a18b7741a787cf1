"""The Responses API as a stream: every event of a response, in order, ending in its last state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatemeter.simulator.answers import Frame, named_sse

if TYPE_CHECKING:
    from gatemeter.simulator.generation import Said
    from gatemeter.simulator.ledger import Used


def stream_frames(response: dict[str, Any], said: Said, used: Used) -> list[Frame]:
    """The events of a finished response, as they would have come while it was made."""
    events = _Events()
    begun = response | {"status": "in_progress", "output": [], "usage": None}
    begun["incomplete_details"] = None
    events.add("response.created", response=begun)
    events.add("response.in_progress", response=begun)
    for index, item in enumerate(response["output"]):
        if item["type"] == "reasoning":
            events.add("response.output_item.added", output_index=index, item=item)
            thought = used.reasoning_output_tokens
            events.add("response.output_item.done", thought, output_index=index, item=item)
        elif item["type"] == "function_call":
            framing = used.output_tokens - used.reasoning_output_tokens - len(said.pieces)
            _function_call(events, index, item, said, framing)
        else:
            _message(events, index, item, said)
    events.add(f"response.{response['status']}", response=response)
    return events.frames


class _Events:
    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def add(self, kind: str, tokens: int = 0, **fields: object) -> None:
        payload = {"type": kind, "sequence_number": len(self.frames), **fields}
        self.frames.append(named_sse(payload, tokens=tokens))


def _message(events: _Events, index: int, item: dict[str, Any], said: Said) -> None:
    begun = item | {"status": "in_progress", "content": []}
    events.add("response.output_item.added", output_index=index, item=begun)
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    part = item["content"][0]
    events.add("response.content_part.added", **place, part=part | {"text": ""})
    for piece in said.pieces:
        events.add("response.output_text.delta", 1, **place, delta=piece, logprobs=[])
    events.add("response.output_text.done", **place, text=said.text, logprobs=[])
    events.add("response.content_part.done", **place, part=part)
    events.add("response.output_item.done", output_index=index, item=item)


def _function_call(
    events: _Events, index: int, item: dict[str, Any], said: Said, framing: int
) -> None:
    begun = item | {"status": "in_progress", "arguments": ""}
    events.add("response.output_item.added", framing, output_index=index, item=begun)
    place = {"item_id": item["id"], "output_index": index}
    for piece in said.pieces:
        events.add("response.function_call_arguments.delta", 1, **place, delta=piece)
    events.add(
        "response.function_call_arguments.done", **place, name=item["name"], arguments=said.text
    )
    events.add("response.output_item.done", output_index=index, item=item)
