"""Which texts of a request are checked, by operation.

Images, sound and files are not text and are not looked at; neither are tool definitions and JSON
schemas. What cannot be read is `Unreadable`, never an empty text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.estimating.tokenizer import TokenizerUnavailable, decode_tokens, encoding_name
from gateway_hooks.gateway.content_safety.checker import Texts
from gateway_hooks.gateway.content_safety.collect import TooDeep, collect, every_text
from gateway_hooks.gateway.content_safety.twice import names_twice
from gateway_hooks.reading import wire
from gateway_hooks.reading.form import read_form_texts

if TYPE_CHECKING:
    from gateway_hooks.gateway.content_safety.settings import ContentSafetySettings
    from gateway_hooks.gateway.incoming import IncomingRequest

CHECKED: Final = frozenset(
    {
        "chat",
        "on_your_data",
        "text_completion",
        "responses",
        "embeddings",
        "image_generation",
        "image_edit",
        "speech",
        "transcription",
        "translation",
    }
)
"""Operations whose request can hold text."""

_MESSAGE_FIELDS: Final = frozenset(
    {
        "content",
        "text",
        "refusal",
        "reasoning_content",
        "name",
        "tool_calls",
        "function_call",
        "function",
        "custom",
        "arguments",
        "input",
        "output",
        "summary",
        "code",
        "audio",
        "transcript",
        "results",
        "queries",
    }
)
_DOCUMENT_ROLES: Final = frozenset({"tool", "function"})
_ANSWER_ITEMS: Final = frozenset(
    {
        "function_call",
        "custom_tool_call",
        "reasoning",
        "mcp_call",
        "computer_call",
        "web_search_call",
    }
)
_FORM_FIELDS: Final = frozenset({"prompt", "input"})


class Unreadable(Exception):
    """A request has text that cannot be read here."""


def request_texts(request: IncomingRequest, settings: ContentSafetySettings) -> Texts:
    """What is to be checked of a request.

    Raises:
        Unreadable: the body is too long to be kept, or not in a form that is known.
    """
    body = request.body.kept
    if body is None or _header(request, b"content-encoding") not in {b"", b"identity"}:
        raise Unreadable
    if not body:
        return Texts()
    content_type = _header(request, b"content-type").decode("latin-1")
    if content_type[:20].lower().startswith("multipart/form-data"):
        return _form(content_type, body)
    fields = wire.decode(body, wire.any_json)
    if not isinstance(fields, dict) or names_twice(body):
        raise Unreadable
    try:
        return _Reader(request, settings).read(fields)
    except TooDeep:
        raise Unreadable from None


def _header(request: IncomingRequest, wanted: bytes) -> bytes:
    found = [value for name, value in request.headers if name.lower() == wanted]
    return (
        b",".join(found).strip().lower() if wanted == b"content-encoding" else b"".join(found[:1])
    )


def _form(content_type: str, body: bytes) -> Texts:
    texts = read_form_texts(content_type, body, _FORM_FIELDS)
    if texts is None:
        raise Unreadable
    return Texts(everything=texts, user=list(texts))


class _Reader:
    """Reads one decoded body."""

    def __init__(self, request: IncomingRequest, settings: ContentSafetySettings) -> None:
        self._operation = request.call.operation
        self._model = request.deployment
        self._settings = settings
        self._texts = Texts()

    def read(self, body: dict[Any, Any]) -> Texts:
        match self._operation:
            case "chat" | "on_your_data":
                self._chat(body)
            case "responses":
                self._responses(body)
            case "text_completion":
                self._prompts(body.get("prompt"), shielded=True)
                self._prompts(body.get("suffix"), shielded=True)
            case "embeddings":
                self._prompts(body.get("input"), shielded=False)
            case "speech":
                self._prompts(body.get("input"), shielded=False)
                self._prompts(body.get("instructions"), shielded=True)
            case _:
                self._prompts(body.get("prompt"), shielded=True)
        return self._texts

    def _chat(self, body: dict[Any, Any]) -> None:
        for message in self._turns(wire.as_list(body.get("messages"))):
            self._message(message)
        for source in wire.as_list(body.get("data_sources")):
            role = wire.as_dict(wire.as_dict(source).get("parameters")).get("role_information")
            self._texts.everything += every_text(role)
        prediction = wire.as_dict(body.get("prediction")).get("content")
        self._texts.everything += [text for _, text in collect(prediction, _MESSAGE_FIELDS)]

    def _responses(self, body: dict[Any, Any]) -> None:
        self._texts.everything += every_text(body.get("instructions"))
        template = wire.as_dict(body.get("prompt")).get("variables")
        filled_in = [text for _, text in collect(template, _VARIABLES)]
        self._texts.everything += filled_in
        self._texts.user += filled_in
        given = body.get("input")
        if isinstance(given, str):
            self._prompts(given, shielded=True)
            return
        for item in self._turns(wire.as_list(given)):
            self._message(item)

    def _turns(self, messages: list[Any]) -> list[Any]:
        """All of them, or those since the last answer; an answer at the end has none after it."""
        if self._settings.check == "whole":
            return messages
        end = len(messages)
        while end and _is_answer(messages[end - 1]):
            end -= 1
        start = next((at for at in range(end, 0, -1) if _is_answer(messages[at - 1])), 0)
        return messages[start:]

    def _message(self, message: object) -> None:
        texts = [text for _, text in collect(message, _MESSAGE_FIELDS)]
        self._texts.everything += texts
        fields = wire.as_dict(message)
        context = every_text(fields.get("context"))
        self._texts.everything += context
        if not self._settings.shield_prompt:
            return
        self._texts.documents += context
        if self._is_document(fields):
            self._texts.documents.append("\n".join(texts))
        elif fields.get("role", "user") == "user" and not _is_answer(fields):
            self._texts.user += texts

    def _is_document(self, fields: dict[Any, Any]) -> bool:
        kind = fields.get("type")
        return (
            fields.get("role") in _DOCUMENT_ROLES
            or (isinstance(kind, str) and kind.endswith("_output"))
            or "output" in fields
            or fields.get("name") in self._settings.document_names
        )

    def _prompts(self, value: object, *, shielded: bool) -> None:
        """A text, texts, token ids, or lists of token ids."""
        texts = []
        if isinstance(value, list) and value and all(type(one) is int for one in value):
            texts = [self._spelled_out(value)]
        elif isinstance(value, list):
            for one in value:
                texts += [self._spelled_out(one)] if isinstance(one, list) else every_text(one)
        elif value is not None:
            texts = every_text(value)
        self._texts.everything += texts
        if shielded:
            self._texts.user += texts

    def _spelled_out(self, ids: list[Any]) -> str:
        if not all(type(one) is int for one in ids):
            raise Unreadable
        try:
            return decode_tokens(ids, encoding_name(self._model))
        except (ValueError, TokenizerUnavailable):
            raise Unreadable from None


class _Anything:
    def __contains__(self, name: object) -> bool:
        return name not in {"image_url", "file_data", "file_id", "file_url", "type", "detail"}


_VARIABLES: Final = _Anything()


def _is_answer(message: object) -> bool:
    fields = wire.as_dict(message)
    return fields.get("role") == "assistant" or fields.get("type") in _ANSWER_ITEMS
