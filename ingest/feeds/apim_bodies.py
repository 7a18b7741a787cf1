"""What the logged bodies of a request tell besides content: usage, model, codes.

They are cut at 8 KiB, so what is no whole JSON is searched for a whole `usage` object. Texts are
looked at in memory only, and never leave here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.reading import wire
from gateway_hooks.reading.answer_facts import AnswerFacts, is_success
from gateway_hooks.reading.content_filter import FilterFindings
from gateway_hooks.reading.request import RequestFacts
from gateway_hooks.reading.salvage import last_usage
from gateway_hooks.reading.usage import (
    IMAGE_OPERATIONS,
    TOKEN_OPERATIONS,
    Usage,
    derived_usage,
    reported_usage,
)

if TYPE_CHECKING:
    from gateway_hooks.event import ContentFilter
    from gateway_hooks.reading.operations import Call

_MODEL: Final = re.compile(rb'(?<!\\)"model"\s*:\s*"([\w.:/\-]{1,128})"', re.ASCII)
_ID: Final = re.compile(rb'(?<!\\)"id"\s*:\s*"((?:chatcmpl-|cmpl-|resp_)[\w\-]{1,128})"', re.ASCII)
_MAX_BODY_BYTES: Final = 1 << 20


class Bodies:
    """Read once, when made."""

    def __init__(self, values: dict[str, Any], call: Call, status_code: int) -> None:
        answer = _text(values, "backendresponsebody", "responsebody")
        asked = _text(values, "backendrequestbody", "requestbody")
        whole = wire.as_dict(wire.decode(answer, wire.any_json)) if answer else {}
        request = wire.as_dict(wire.decode(asked, wire.any_json)) if asked else {}
        self.response_model = wire.code(whole.get("model")) or _found(_MODEL, answer)
        self.response_id = wire.code(whole.get("id")) or _found(_ID, answer)
        self.error_code: str | None = None
        self.error_text: str | None = None
        self.content_filter: ContentFilter | None = None
        streams = request.get("stream")
        self.streamed = streams if isinstance(streams, bool) else None
        self._read_error(whole)
        self.usage = _usage(call, whole, answer, request, status_code)

    def _read_error(self, whole: dict[Any, Any]) -> None:
        findings = FilterFindings()
        error = wire.as_dict(whole.get("error"))
        self.error_code = wire.code(error.get("code"))
        said = error.get("message", whole.get("message"))
        self.error_text = said if isinstance(said, str) else None
        findings.add_prompt(error.get("innererror") or error.get("inner_error"))
        for entry in wire.as_list(whole.get("prompt_filter_results")):
            findings.add_prompt(entry)
        for choice in wire.as_list(whole.get("choices")):
            findings.add_completion(choice)
        self.content_filter = findings.found()


def _text(values: dict[str, Any], *keys: str) -> bytes:
    for key in keys:
        body = values.get(key)
        if isinstance(body, str) and body:
            return body.encode("utf-8", "replace")[:_MAX_BODY_BYTES]
    return b""


def _found(pattern: re.Pattern[bytes], answer: bytes) -> str | None:
    match = pattern.search(answer)
    return match[1].decode() if match else None


def _usage(
    call: Call, whole: dict[Any, Any], answer: bytes, request: dict[Any, Any], status_code: int
) -> Usage | None:
    if not is_success(status_code):
        return None
    told = whole.get("usage") or wire.as_dict(whole.get("response")).get("usage")
    found = reported_usage(call, told if told is not None else last_usage(answer))
    if found is not None:
        return found
    if call.operation in TOKEN_OPERATIONS or not request:
        return None
    spoken = request.get("input")
    facts = RequestFacts(
        model=wire.name(request.get("model")),
        images=wire.count(request.get("n")) or 1,
        image_size=wire.name(request.get("size")),
        image_quality=wire.name(request.get("quality")),
        characters=len(spoken) if isinstance(spoken, str) else None,
    )
    derived = derived_usage(call, facts, AnswerFacts(status_code, images=_images(call, whole)))
    return derived if derived is not None and derived.source != "none" else None


def _images(call: Call, whole: dict[Any, Any]) -> int | None:
    return (
        len(wire.as_list(whole.get("data"))) or None if call.operation in IMAGE_OPERATIONS else None
    )
