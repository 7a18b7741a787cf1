"""Send a request to another deployment than it names: in its path, its body or its form."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

import msgspec

from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from gateway_hooks.gateway.incoming import IncomingRequest

_IN_PATH: Final = re.compile(rb"(/(?:deployments|engines)/)[^/?]+", re.IGNORECASE)
# The head of a form's part that is called model; a `filename` of that name is another thing.
_MODEL_PART: Final = re.compile(
    rb'content-disposition:[^\r\n]*;\s*name=(?:"model"|model)\s*(?:;|\r\n)', re.IGNORECASE
)
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def retargeted(request: IncomingRequest, deployment: str | None) -> tuple[bytes, bytes | None]:
    """Target and body of a request for a deployment; None for a body that was not kept.

    Everything else stays: of JSON every value, of a path or form every byte. A body that names the
    model in no way we can change goes out as it came; so does one whose deployment stands in the
    path.
    """
    kept = request.body.kept
    if deployment is None or deployment == request.deployment:
        return request.target, kept
    if request.call.deployment is not None:
        name = quote(deployment, safe="").encode()
        path, question, query = request.target.partition(b"?")
        found = _IN_PATH.sub(lambda match: match[1] + name, path, count=1)
        return found + question + query, kept
    return request.target, None if kept is None else _renamed(request, kept, deployment)


def _renamed(request: IncomingRequest, body: bytes, deployment: str) -> bytes:
    boundary = _boundary(request)
    if boundary is not None:
        return _renamed_form(body, b"\r\n--" + boundary, deployment.encode())
    fields = wire.decode_strictly(body, _fields)
    if fields is not None and "model" in fields:
        fields["model"] = msgspec.Raw(msgspec.json.encode(deployment))
        return msgspec.json.encode(fields)
    return body


def _boundary(request: IncomingRequest) -> bytes | None:
    from python_multipart.multipart import parse_options_header

    kinds = (value for name, value in request.headers if name.lower() == b"content-type")
    kind, options = parse_options_header(next(kinds, b""))
    return options.get(b"boundary") if kind == b"multipart/form-data" else None


def _renamed_form(body: bytes, delimiter: bytes, deployment: bytes) -> bytes:
    parts = (b"\r\n" + body).split(delimiter)
    for index, part in enumerate(parts):
        head, blank, _ = part.partition(b"\r\n\r\n")
        if blank and _MODEL_PART.search(head + b"\r\n"):
            parts[index] = head + blank + deployment
    return delimiter.join(parts)[2:]


def redirected(request: IncomingRequest, deployment: str) -> IncomingRequest:
    """The request, as if its caller had asked for another deployment."""
    target, body = retargeted(request, deployment)
    call = request.call
    if call.deployment is not None:
        call = replace(call, deployment=deployment)
    changed = request.body if body is None else request.body.replaced(body)
    path = unquote(target.partition(b"?")[0].decode("latin-1"))
    return replace(
        request, call=call, deployment=deployment, target=target, body=changed, path=path
    )
