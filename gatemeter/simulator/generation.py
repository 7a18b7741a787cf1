"""What the simulated model says: text, JSON or a tool call, of an exactly known token count."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from gatemeter.simulator import tokens
from gatemeter.simulator.words import filler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatemeter.simulator.call import Call

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
_REASONING_MODELS: Final = ("o1", "o3", "o4", "gpt-5")
_REASONING_STEP: Final = 64
HARMFUL_WORD: Final = "simulate-violence-6"
"""What Content Safety finds in an answer that is to be harmful."""


@dataclass(frozen=True, slots=True)
class Said:
    """One choice: visible text, or a call of a tool, in the pieces a stream delivers."""

    pieces: tuple[str, ...]
    finish_reason: FinishReason
    tool: str | None = None

    @property
    def text(self) -> str:
        """The whole of it."""
        return "".join(self.pieces)


def is_reasoning(model: str) -> bool:
    """True for models that think before they speak."""
    return model.startswith(_REASONING_MODELS)


def reasoning_tokens(call: Call, limit: int | None) -> int:
    """Tokens thought before the answer; part of the output and of its limit."""
    if not is_reasoning(call.model):
        return 0
    thought = _REASONING_STEP * call.rng.randint(1, 4)
    return min(thought, limit) if limit is not None else thought


def say(
    call: Call,
    *,
    limit: int | None,
    tool: Mapping[str, Any] | None = None,
    schema: object = None,
    blocked: bool = False,
    harmful: bool = False,
) -> Said:
    """One choice for a request."""
    if tool is not None:
        arguments = json.dumps(_instance(call, tool.get("parameters") or {}))
        return Said(
            tuple(tokens.pieces(call.model, arguments)), "tool_calls", str(tool.get("name", ""))
        )
    if schema is not None:
        return _clipped(tokens.pieces(call.model, json.dumps(_instance(call, schema))), limit)
    count, cut = call.output_budget(limit)
    text = filler(call.rng, count)
    if harmful:
        return Said(tuple(tokens.pieces(call.model, f"{text} {HARMFUL_WORD}")), "stop")
    if blocked:
        return Said(tuple(tokens.pieces(call.model, text))[: count // 2], "content_filter")
    return Said(tuple(tokens.pieces(call.model, text)), "length" if cut else "stop")


def _clipped(said: Sequence[str], limit: int | None) -> Said:
    if limit is not None and limit < len(said):
        return Said(tuple(said[:limit]), "length")
    return Said(tuple(said), "stop")


def said_tokens(model: str, said: Said) -> int:
    """Output tokens of a choice: its pieces, and the name and framing of a tool call."""
    if said.tool is None:
        return len(said.pieces)
    return len(said.pieces) + tokens.count(model, said.tool) + 4


def _instance(call: Call, schema: object, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    """A value that fits a JSON schema, as far as this small reader of schemas goes."""
    if not isinstance(schema, dict) or depth > 8:  # noqa: PLR2004 - deep enough for any real schema
        return filler(call.rng, 2)
    if schema.get("enum"):
        return call.rng.choice(schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: _instance(call, part, depth + 1) for name, part in properties.items()}
    if kind == "array":
        return [_instance(call, schema.get("items"), depth + 1)]
    return _scalar(call, kind)


def _scalar(call: Call, kind: object) -> str | int | bool | None:
    match kind:
        case "integer" | "number":
            return call.rng.randint(1, 99)
        case "boolean":
            return bool(call.rng.getrandbits(1))
        case "null":
            return None
        case _:
            return filler(call.rng, 2)
