"""The `choices` of chat and completions, whole or in chunks, and of chats on the caller's data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from gateway_hooks.reading.findings import Findings

_TEXTS: Final = frozenset({"content", "refusal", "reasoning_content", "reasoning"})
_DATA_END: Final = "[DONE]"


class ChoiceReader:
    """Reads choices into findings; remembers who speaks in a chat on data from chunk to chunk."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._roles: dict[tuple[int, int], object] = {}
        self._on_your_data = findings.call.operation == "on_your_data"

    def read(self, choices: object) -> None:
        """Read one answer's or one chunk's choices."""
        for position, choice in enumerate(wire.as_list(choices)):
            if isinstance(choice, dict):
                self._read_choice(_index(choice, position), choice)

    def _read_choice(self, index: int, choice: dict[Any, Any]) -> None:
        findings = self._findings
        message = choice.get("delta") or choice.get("message")
        if isinstance(message, dict):
            self._read_message(index, message)
        if "text" in choice:
            findings.content((index, "text"), choice["text"])
        if "messages" in choice:
            self._read_turns(index, choice["messages"])
        if choice.get("finish_reason") is not None:
            findings.finish_reason(index, choice["finish_reason"])
        findings.filters.add_completion(choice)

    def _read_message(self, index: int, message: dict[Any, Any]) -> None:
        findings = self._findings
        if self._on_your_data and _ends_turn(message):
            findings.complete = True
            if message.get("content") == _DATA_END:
                findings.ended = True
                return
        for key, value in message.items():
            if not value:
                continue
            if key in _TEXTS:
                if key != "reasoning" or "reasoning_content" not in message:
                    self._read_text((index, key), value)
            elif key == "tool_calls":
                self._read_tool_calls(index, value)
            elif key == "function_call":
                self._read_function((index, key), value)
            elif key == "audio":
                self._read_audio(index, value)

    def _read_text(self, part: tuple[int, str], content: object) -> None:
        """A text, or a list of parts with texts."""
        if isinstance(content, str):
            self._findings.content(part, content)
        for piece in wire.as_list(content):
            self._findings.content(part, wire.as_dict(piece).get("text"))

    def _read_tool_calls(self, index: int, calls: object) -> None:
        for position, call in enumerate(wire.as_list(calls)):
            if isinstance(call, dict):
                part = (index, "tool", _index(call, position))
                self._read_function(part, call.get("function") or call.get("custom"))

    def _read_function(self, part: object, function: object) -> None:
        fields = wire.as_dict(function)
        for key in ("name", "arguments", "input"):
            self._findings.content(part, fields.get(key))

    def _read_audio(self, index: int, audio: object) -> None:
        fields = wire.as_dict(audio)
        if fields.get("data"):
            self._findings.saw_content = True
        self._findings.content((index, "transcript"), fields.get("transcript"))

    def _read_turns(self, index: int, turns: object) -> None:
        """The messages of a chat on data: first what was found (role tool), then the answer."""
        for position, turn in enumerate(wire.as_list(turns)):
            if not isinstance(turn, dict):
                continue
            said = turn.get("delta")
            message = said if isinstance(said, dict) else turn
            place = (index, _index(turn, position))
            role = self._roles.setdefault(place, None)
            if message.get("role"):
                role = self._roles[place] = message["role"]
            if role != "tool" or _ends_turn(message):
                self._read_message(index, message)
            if _ends_turn(turn) and role != "tool":
                self._findings.complete = True


def _ends_turn(message: dict[Any, Any]) -> bool:
    return message.get("end_turn") is True or message.get("content") == _DATA_END


def _index(item: dict[Any, Any], position: int) -> int:
    index = item.get("index", position)
    return index if type(index) is int else position
