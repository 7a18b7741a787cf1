"""What a request says about the usage it will cause: model, stream, images, characters, audio.

Read before the request is sent on, on the request path: only the named fields of the body are
decoded, messages and images are skipped over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway_hooks.reading import wire
from gateway_hooks.reading.form import read_form

if TYPE_CHECKING:
    from gateway_hooks.reading.operations import Call

_IMAGE_OPERATIONS: Final = frozenset({"image_generation", "image_edit"})
_TAKES_STREAM_OPTIONS: Final = frozenset({"chat", "text_completion"})
_FIRST_VERSION_WITH_STREAM_OPTIONS: Final = "2024-09-01"
_UNDATED_VERSIONS: Final = frozenset({"v1", "preview", "latest"})
_DATED = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What the request's body says; None and False where it says nothing."""

    model: str | None = None
    stream: bool = False
    include_usage: bool = False
    """The caller itself asked for usage in the stream."""
    service_tier: str | None = None
    end_user: str | None = field(default=None, repr=False)
    """As sent; the meter keeps a fingerprint of it only."""
    images: int | None = None
    """Images asked for; set for image operations only."""
    image_size: str | None = None
    image_quality: str | None = None
    characters: int | None = None
    """Characters to be spoken; set for speech only."""
    audio: bytes | None = field(default=None, repr=False)
    """The audio file to be transcribed, held until its length is known."""
    audio_name: str | None = field(default=None, repr=False)
    response_format: str | None = None


class _Body(msgspec.Struct):
    """The fields that are read of a JSON body; msgspec skips the rest without building it."""

    model: Any = None
    stream: Any = None
    stream_options: Any = None
    stream_format: Any = None
    service_tier: Any = None
    user: Any = None
    safety_identifier: Any = None
    n: Any = None
    size: Any = None
    quality: Any = None
    input: msgspec.Raw = msgspec.Raw(b"null")


_TRUE: Final = msgspec.Raw(b"true")
_NULL: Final = msgspec.Raw(b"null")
_body: Final = msgspec.json.Decoder(_Body)
_raw_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_request(call: Call, content_type: str, body: bytes) -> RequestFacts:
    """Read a request; what cannot be read stays unset.

    Args:
        call: what `recognise` made of the request line.
        content_type: the header's value, or "".
        body: the whole body, not compressed.
    """
    if not call.reads_usage or not body:
        return RequestFacts()
    if content_type[:20].lower().startswith("multipart/form-data"):
        return _from_form(call, content_type, body)
    decoded = wire.decode(body, _body)
    if decoded is None:
        return RequestFacts()
    return _from_json(call, decoded)


def _from_json(call: Call, body: _Body) -> RequestFacts:
    images = call.operation in _IMAGE_OPERATIONS
    return RequestFacts(
        model=wire.name(body.model) or call.model,
        stream=body.stream is True or (call.operation == "speech" and body.stream_format == "sse"),
        include_usage=wire.as_dict(body.stream_options).get("include_usage") is True,
        service_tier=wire.name(body.service_tier),
        end_user=wire.name(body.user) or wire.name(body.safety_identifier),
        images=(wire.count(body.n) or 1) if images else None,
        image_size=wire.name(body.size) if images else None,
        image_quality=wire.name(body.quality) if images else None,
        characters=_characters(body.input) if call.operation == "speech" else None,
    )


def _characters(raw: msgspec.Raw) -> int | None:
    text = wire.decode(bytes(raw), wire.any_json)
    return len(text) if isinstance(text, str) else None


def _from_form(call: Call, content_type: str, body: bytes) -> RequestFacts:
    form = read_form(content_type, body)
    fields = form.fields
    images = call.operation in _IMAGE_OPERATIONS
    wanted = fields.get("n", "")
    return RequestFacts(
        model=wire.name(fields.get("model")),
        stream=fields.get("stream", "").strip().lower() == "true",
        end_user=wire.name(fields.get("user")),
        images=(int(wanted) if re.fullmatch(r"[1-9]\d{0,3}", wanted) else 1) if images else None,
        image_size=wire.name(fields.get("size")) if images else None,
        image_quality=wire.name(fields.get("quality")) if images else None,
        audio=None if images else form.file,
        audio_name=None if images else form.file_name,
        response_format=wire.code(fields.get("response_format")),
    )


def ask_for_usage(call: Call, body: bytes) -> bytes | None:
    """The body with `stream_options.include_usage` switched on; every other value byte for byte.

    None when the body shall go out as it came: it is no stream, the caller asked already, or the
    backend would refuse the option (old api-versions, unknown ones, data sources). A body that is
    not quite JSON goes out as it came, too: mending it would change what the backend is asked.
    """
    if call.operation not in _TAKES_STREAM_OPTIONS or not _version_takes_it(call.api_version):
        return None
    fields = wire.decode_strictly(body, _raw_fields)
    if fields is None or fields.get("stream") != _TRUE or "data_sources" in fields:
        return None
    options: dict[str, msgspec.Raw] | None = {}
    if fields.get("stream_options", _NULL) != _NULL:
        options = wire.decode_strictly(bytes(fields["stream_options"]), _raw_fields)
    if options is None or options.get("include_usage") == _TRUE:
        return None
    options["include_usage"] = _TRUE
    fields["stream_options"] = msgspec.Raw(msgspec.json.encode(options))
    return msgspec.json.encode(fields)


def _version_takes_it(api_version: str | None) -> bool:
    if api_version is None or api_version in _UNDATED_VERSIONS:
        return api_version is not None
    return (
        _DATED.match(api_version) is not None
        and api_version[:10] >= _FIRST_VERSION_WITH_STREAM_OPTIONS
    )
