"""What a body names: the model, the stored response and the conversation it goes on from.

A permission that hangs on a body must read it as the backend does. Where two JSON readers could
differ (a key given twice, `Model` beside `model`, text that is not quite JSON) the body is refused
instead of guessed at; the same for forms with a field given twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODEL: Final = "model"
_PREVIOUS: Final = "previous_response_id"
_CONVERSATION: Final = "conversation"
_WATCHED: Final = (_MODEL, _PREVIOUS, _CONVERSATION)
_QUOTED: Final = tuple(f'"{name}"'.encode() for name in _WATCHED)
# No encoder escapes letters; whoever does may be hiding a key.
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7][0-9a-f]")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_TOKEN = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|[{}\[\]]', re.DOTALL)
_OPENING: Final = frozenset(b"{[")
_MOST_TOKENS: Final = 100_000
"""Strings and brackets of a body whose keys are gone through: some 30 ms of work."""


@dataclass(frozen=True, slots=True)
class BodyNames:
    """What a body says."""

    model: str | None = None
    items: tuple[str, ...] = ()
    """Stored items that it refers to."""


class Ambiguous(Exception):
    """Readers could differ about a body; the message tells the caller how."""


class _Body(msgspec.Struct):
    model: Any = None
    previous_response_id: Any = None
    conversation: msgspec.Raw = msgspec.Raw(b"null")


_body: Final = msgspec.json.Decoder(_Body)


def names_in_json(body: bytes) -> BodyNames:
    """Read a JSON body.

    Raises:
        Ambiguous: it is no JSON object, or names something twice.
    """
    found = wire.decode_strictly(body, _body)
    if found is None and b"\\u" in body:
        # Half an emoji, as scripts that cut texts send it; Azure takes it. It changes no name.
        found = wire.decode_strictly(_SURROGATE.sub(rb"\\ufffd", body), _body)
    if found is None or not _is_utf8(body):
        raise Ambiguous("The request body is not a valid JSON object.")
    lowered = body.lower()
    is_plain = all(_stands_once_at_most(name, lowered, body) for name in _QUOTED)
    if not is_plain or (b"\\u00" in lowered and _ESCAPED_LETTER.search(lowered)):
        _check_keys(body)
    return BodyNames(_text(found.model, _MODEL), tuple(_referred(found)))


def _is_utf8(body: bytes) -> bool:
    try:
        return body.isascii() or bool(body.decode())
    except UnicodeDecodeError:
        return False  # some readers drop what is none, also out of the middle of a key


def _stands_once_at_most(name: bytes, lowered: bytes, body: bytes) -> bool:
    """Whether a key cannot be there twice, and not in other letters: nearly always, and fast."""
    at = lowered.find(name)
    if at < 0:
        return True
    return body.startswith(name, at) and lowered.find(name, at + 1) < 0


def _check_keys(body: bytes) -> None:
    """Each watched key once at most, in its own spelling, among the keys of the whole object."""
    seen: set[str] = set()
    for key in _top_keys(body):
        folded = key.casefold()
        if folded not in _WATCHED:
            continue
        if folded in seen or key != folded:
            raise Ambiguous(f"The request body names '{folded}' more than once or misspells it.")
        seen.add(folded)


def _top_keys(body: bytes) -> Iterator[str]:
    """Keys of the outermost object of a valid JSON text."""
    depth = 0
    for number, token in enumerate(_TOKEN.finditer(body)):
        if number > _MOST_TOKENS:
            raise Ambiguous("The request body is too intricate for its keys to be checked.")
        if token[1] is None:
            depth += 1 if body[token.start()] in _OPENING else -1
        elif depth == 1 and token[2] is not None:
            yield msgspec.json.decode(b'"' + token[1] + b'"', type=str)


def _referred(body: _Body) -> Iterator[str]:
    previous = _text(body.previous_response_id, _PREVIOUS)
    if previous is not None:
        yield previous
    conversation = _conversation(bytes(body.conversation))
    if conversation is not None:
        yield conversation


def _conversation(raw: bytes) -> str | None:
    """An id, or an object that holds one."""
    value = msgspec.json.decode(raw)
    if isinstance(value, dict):
        lowered = raw.lower()
        if lowered.count(b'"id"') != 1 or "id" not in value or _ESCAPED_LETTER.search(lowered):
            raise Ambiguous("The request body's 'conversation' needs exactly one 'id'.")
        value = value["id"]
    return _text(value, _CONVERSATION)


def _text(value: object, what: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise Ambiguous(f"The request body's '{what}' is not a text.")
    return value


def names_in_form(content_type: str, body: bytes) -> BodyNames:
    """Read a multipart form.

    Raises:
        Ambiguous: it is broken, or a field is named twice.
    """
    from gateway_hooks.gateway.access.form_names import read_fields

    models = read_fields(content_type, body, _MODEL)
    if len(models) > 1:
        raise Ambiguous("The form names 'model' more than once.")
    return BodyNames(models[0] if models else None)
