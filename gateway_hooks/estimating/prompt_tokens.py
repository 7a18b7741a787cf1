"""How many tokens a request's prompt is: messages, items, plain prompts, texts to embed."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.estimating.image_tokens import image_tokens
from gateway_hooks.estimating.tokenizer import encoding_name
from gateway_hooks.estimating.tool_tokens import tool_tokens
from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway_hooks.event import Operation

_PER_MESSAGE: Final = 3
_PER_NAME: Final = 1
_START_OF_ANSWER: Final = 3
_AUDIO_TOKENS_PER_SECOND: Final = 10


class PromptCounter:
    """Counts one request; `images` and `audio` say how much of the sum was not text."""

    def __init__(
        self,
        model: str | None,
        count: Callable[[str], int],
        seconds_of: Callable[[bytes, str | None], float | None],
    ) -> None:
        self.image_tokens = 0
        self.audio_tokens = 0
        self._model = model
        self._encoding = encoding_name(model)
        self._count = count
        self._seconds_of = seconds_of

    def count(self, operation: Operation, body: dict[Any, Any]) -> int:
        """Tokens of the whole prompt."""
        match operation:
            case "embeddings":
                return self._plain(body.get("input"))
            case "text_completion":
                return (self._plain(body.get("prompt")) or 1) + self._plain(body.get("suffix"))
            case "responses":
                return self._responses(body)
            case _:
                return self._chat(body)

    def _plain(self, value: object) -> int:
        """A text, a list of texts, token ids, or a list of lists of token ids."""
        if isinstance(value, str):
            return self._count(value)
        if not isinstance(value, list):
            return 0
        return sum(1 if type(item) is int else self._plain_item(item) for item in value)

    def _plain_item(self, item: object) -> int:
        if isinstance(item, str):
            return self._count(item)
        if isinstance(item, list):
            return len(item)
        return self._part(item) if isinstance(item, dict) else 0

    def _chat(self, body: dict[Any, Any]) -> int:
        tokens = sum(self._message(message) for message in wire.as_list(body.get("messages")))
        tokens += tool_tokens(body.get("tools"), self._count, self._encoding)
        tokens += tool_tokens(body.get("functions"), self._count, self._encoding)
        schema = wire.as_dict(body.get("response_format")).get("json_schema")
        return tokens + self._schema(schema) + _START_OF_ANSWER

    def _responses(self, body: dict[Any, Any]) -> int:
        given = body.get("input")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        tokens = sum(self._message(item) for item in wire.as_list(items))
        if body.get("instructions"):
            tokens += self._message({"role": "system", "content": body["instructions"]})
        tokens += tool_tokens(body.get("tools"), self._count, self._encoding)
        schema = wire.as_dict(wire.as_dict(body.get("text")).get("format")).get("schema")
        return tokens + self._schema(schema) + _START_OF_ANSWER

    def _schema(self, schema: object) -> int:
        if not isinstance(schema, dict):
            return 0
        return self._count(json.dumps(schema, ensure_ascii=False, separators=(",", ":")))

    def _message(self, message: object) -> int:
        fields = wire.as_dict(message)
        tokens = _PER_MESSAGE if fields else 0
        for key, value in fields.items():
            match key:
                case "role" | "refusal" | "arguments" | "reasoning_content":
                    tokens += self._text(value)
                case "content" | "output" | "summary":
                    tokens += self._content(value)
                case "name":
                    tokens += self._text(value) + _PER_NAME
                case "tool_calls":
                    tokens += sum(self._called(call) for call in wire.as_list(value))
                case "function_call":
                    tokens += self._function(value)
        return tokens

    def _called(self, call: object) -> int:
        fields = wire.as_dict(call)
        return self._function(fields.get("function") or fields.get("custom"))

    def _function(self, function: object) -> int:
        fields = wire.as_dict(function)
        return sum(self._text(fields.get(key)) for key in ("name", "arguments", "input"))

    def _text(self, value: object) -> int:
        return self._count(value) if isinstance(value, str) else 0

    def _content(self, content: object) -> int:
        if isinstance(content, str):
            return self._count(content)
        return sum(self._part(part) for part in wire.as_list(content))

    def _part(self, part: object) -> int:
        """A part of a message: text, image or audio; files cannot be counted here."""
        fields = wire.as_dict(part)
        match fields.get("type"):
            case "image_url" | "input_image" | "image":
                return self._image(fields)
            case "input_audio":
                return self._audio(wire.as_dict(fields.get("input_audio")))
            case _:
                return self._text(fields.get("text")) + self._text(fields.get("refusal"))

    def _image(self, fields: dict[Any, Any]) -> int:
        given = fields.get("image_url")
        nested = wire.as_dict(given)
        url = nested.get("url") if nested else given
        detail = nested.get("detail") if nested else fields.get("detail")
        tokens = image_tokens(url, detail, self._model)
        self.image_tokens += tokens
        return tokens

    def _audio(self, fields: dict[Any, Any]) -> int:
        content = fields.get("data")
        if not isinstance(content, str):
            return 0
        try:
            seconds = self._seconds_of(base64.b64decode(content), wire.name(fields.get("format")))
        except (binascii.Error, ValueError):
            return 0
        tokens = round((seconds or 0) * _AUDIO_TOKENS_PER_SECOND)
        self.audio_tokens += tokens
        return tokens
