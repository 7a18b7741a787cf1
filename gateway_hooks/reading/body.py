"""An answer that is one JSON object: what it says, field by field, whatever the operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway_hooks.reading import wire
from gateway_hooks.reading.choices import ChoiceReader
from gateway_hooks.reading.salvage import TAIL_BYTES, cut_texts, last_usage
from gateway_hooks.reading.usage import HEARING_OPERATIONS, IMAGE_OPERATIONS

if TYPE_CHECKING:
    from gateway_hooks.reading.findings import Findings


class _Answer(msgspec.Struct):
    """The fields that are read of an answer; msgspec skips the rest without building it."""

    id: Any = None
    model: Any = None
    service_tier: Any = None
    usage: Any = None
    error: Any = None
    # chat and completions
    choices: Any = None
    prompt_filter_results: Any = None
    prompt_annotations: Any = None
    # responses
    output: Any = None
    status: Any = None
    incomplete_details: Any = None
    content_filters: Any = None
    # images; embeddings have vectors there, which are never decoded
    data: msgspec.Raw = msgspec.Raw(b"null")
    size: Any = None
    quality: Any = None
    # audio
    duration: Any = None
    # errors that are not wrapped in `error`
    message: Any = None
    code: Any = None
    type: Any = None
    statusCode: Any = None  # noqa: N815 - API Management's spelling


class _Image(msgspec.Struct):
    """An image without its pixels."""

    content_filter_results: Any = None
    prompt_filter_results: Any = None


_answer: Final = msgspec.json.Decoder(_Answer)
_images: Final = msgspec.json.Decoder(list[_Image])


def read_body(findings: Findings, data: bytes) -> None:
    """Read a whole body; of one that was cut or is broken, usage and generated texts are saved."""
    answer = wire.decode(data, _answer)
    if answer is None:
        if findings.succeeded and data.lstrip()[:1] == b"{":
            findings.usage(last_usage(data[-TAIL_BYTES:]))
            for position, text in enumerate(cut_texts(data)):
                findings.content(position, text)
        return
    findings.complete = True
    findings.identity(answer.id, answer.model, answer.service_tier)
    findings.usage(answer.usage)
    _read_error(findings, answer)
    if answer.choices is not None:
        ChoiceReader(findings).read(answer.choices)
    for annotated in [
        *wire.as_list(answer.prompt_filter_results),
        *wire.as_list(answer.prompt_annotations),
    ]:
        findings.filters.add_prompt(annotated)
    if findings.call.operation == "responses":
        _read_response(findings, answer)
    elif findings.call.operation in IMAGE_OPERATIONS:
        _read_images(findings, answer)
    elif findings.call.operation in HEARING_OPERATIONS:
        findings.audio_seconds(answer.duration)
    if answer.error:
        findings.saw_content = findings.has_text


def _read_error(findings: Findings, answer: _Answer) -> None:
    if answer.error:
        findings.error(answer.error)
    elif not findings.succeeded:
        findings.error(
            {"message": answer.message, "code": answer.code, "type": answer.type},
            by_gateway=answer.statusCode is not None,
        )


def _read_images(findings: Findings, answer: _Answer) -> None:
    images = wire.decode(bytes(answer.data), _images) or []
    findings.images = len(images)
    read_image_facts(findings, answer.size, answer.quality)
    for image in images:
        findings.filters.add_completion({"content_filter_results": image.content_filter_results})
        findings.filters.add_prompt({"content_filter_results": image.prompt_filter_results})


def read_image_facts(findings: Findings, size: object, quality: object) -> None:
    """Take the size and quality that an answer says its images have."""
    findings.image_size = wire.name(size) or findings.image_size
    findings.image_quality = wire.name(quality) or findings.image_quality


def read_response_object(findings: Findings, response: dict[Any, Any]) -> None:
    """Read the object of the responses API, as the last event of its stream carries it."""
    findings.identity(response.get("id"), response.get("model"), response.get("service_tier"))
    findings.usage(response.get("usage"))
    if response.get("error"):
        findings.error(response["error"])
    _read_outcome(
        findings,
        response.get("status"),
        response.get("incomplete_details"),
        response.get("content_filters"),
    )
    if not findings.has_text:
        _read_output(findings, response.get("output"))


def _read_response(findings: Findings, answer: _Answer) -> None:
    _read_outcome(findings, answer.status, answer.incomplete_details, answer.content_filters)
    _read_output(findings, answer.output)


def _read_outcome(findings: Findings, status: object, incomplete: object, filters: object) -> None:
    findings.finish_reason(0, wire.as_dict(incomplete).get("reason") or status)
    for annotated in wire.as_list(filters):
        if wire.as_dict(annotated).get("source_type") == "completion":
            findings.filters.add_completion(annotated)
        else:
            findings.filters.add_prompt(annotated)


def _read_output(findings: Findings, output: object) -> None:
    """The texts of output items: messages, reasoning, calls of tools."""
    for position, item in enumerate(wire.as_list(output)):
        fields = wire.as_dict(item)
        for key in ("name", "arguments", "input", "code"):
            findings.content(position, fields.get(key))
        for key in ("content", "summary"):
            for piece in wire.as_list(fields.get(key)):
                texts = wire.as_dict(piece)
                findings.content(position, texts.get("text"))
                findings.content(position, texts.get("refusal"))
