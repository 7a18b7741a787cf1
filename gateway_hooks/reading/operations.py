"""Which operation of Azure OpenAI's REST reference a request is, from its method and path.

Azure's paths (`/openai/deployments/<deployment>/chat/completions?api-version=...`), the version 1
paths (`/openai/v1/chat/completions`) and OpenAI's own (`/v1/chat/completions`) are one table, and
whatever an API gateway puts before them is skipped.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from gateway_hooks.reading.wire import name

if TYPE_CHECKING:
    from gateway_hooks.event import Operation


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks for."""

    operation: Operation
    deployment: str | None = None
    """The Azure deployment of the path."""
    api_version: str | None = None
    """The api-version of the query, or `v1`."""
    reads_usage: bool = False
    """Whether the answer can charge anything; when not, it is read for errors only."""
    streams: bool = False
    """Whether the caller can ask for the answer in parts."""
    model: str | None = None
    """The only model that the path can mean, where it can mean only one."""


_POSTS: Final[dict[tuple[str, ...], Operation]] = {
    ("chat", "completions"): "chat",
    ("completions",): "text_completion",
    ("embeddings",): "embeddings",
    ("responses",): "responses",
    ("responses", "compact"): "responses",
    ("extensions", "chat", "completions"): "on_your_data",
    ("images", "generations"): "image_generation",
    ("images", "generations:submit"): "image_generation",
    ("images", "edits"): "image_edit",
    ("images", "variations"): "image_edit",
    ("audio", "transcriptions"): "transcription",
    ("audio", "translations"): "translation",
    ("audio", "speech"): "speech",
}
_WITHOUT_STREAM: Final = frozenset({"embeddings", "translation"})
_RESPONSE_PARTS: Final = frozenset({"cancel", "input_items"})
_ROOTS: Final = frozenset({"openai", "v1", "models"})


@functools.lru_cache(maxsize=4096)
def recognise(method: str, path: str, query: str) -> Call:
    """The call behind a request line; `other` when it is none that is known.

    Args:
        method: as sent, any case.
        path: without the query; percent-escapes may be in it or already be decoded.
        query: without the question mark, as sent.
    """
    segments = [part for part in unquote(path).split("/") if part]
    lowered = [part.lower() for part in segments]
    verb = method.upper()
    for start in _starts(lowered):
        found = _match(verb, segments[start:], lowered[start:])
        if found is not None:
            operation, deployment = found
            call = Call(
                operation,
                deployment=name(deployment),
                api_version=_api_version(query) or _path_version(lowered, start),
                reads_usage=operation not in _FREE,
                streams=operation not in _FREE | _WITHOUT_STREAM or operation == "fetch_response",
                model="dall-e-2" if lowered[-1] == "generations:submit" else None,
            )
            return call if operation != "realtime" else _named_by_query(call, query)
    return Call("other", api_version=_api_version(query))


_FREE: Final = frozenset({"fetch_response", "image_operation", "ingestion_job", "other"})


def _starts(lowered: list[str]) -> list[int]:
    """Where a known path may begin: after a root, at a deployment, or at the very start."""
    starts = [index + 1 for index, part in enumerate(lowered) if part in _ROOTS]
    starts += [index for index, part in enumerate(lowered) if part in {"deployments", "engines"}]
    return [*starts, 0]


def _match(
    verb: str, segments: list[str], lowered: list[str]
) -> tuple[Operation, str | None] | None:
    deployment = None
    match lowered:
        case ["deployments" | "engines", _, *rest] if rest:
            deployment = segments[1]
            lowered = rest
    if verb == "POST":
        posted = _POSTS.get(tuple(lowered))
        if posted is not None:
            return posted, deployment
    stored = _stored(verb, lowered)
    return None if stored is None else (stored, deployment)


def _named_by_query(call: Call, query: str) -> Call:
    """A handshake has no body: its query says which deployment, or which model."""
    deployment = _parameter(query, "deployment") or call.deployment
    return replace(call, deployment=deployment, model=_parameter(query, "model"))


def _stored(verb: str, lowered: list[str]) -> Operation | None:
    """Operations on something an earlier request made, and the handshake of realtime sessions."""
    match lowered:
        case ["realtime"] if verb == "GET":
            return "realtime"
        case ["responses", _] if verb in {"GET", "DELETE"}:
            return "fetch_response"
        case ["responses", _, part] if part in _RESPONSE_PARTS:
            return "fetch_response"
        case ["operations", "images", _] if verb in {"GET", "DELETE"}:
            return "image_operation"
        case ["extensions", "on-your-data", "ingestion-jobs", *_] | ["ingestion", "jobs", *_]:
            return "ingestion_job"
        case _:
            return None


def _api_version(query: str) -> str | None:
    return _parameter(query, "api-version")


def _parameter(query: str, wanted: str) -> str | None:
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key.lower() == wanted:
            return name(unquote(value))
    return None


def _path_version(lowered: list[str], start: int) -> str | None:
    return "v1" if "v1" in lowered[max(start - 1, 0) : start + 1] else None
