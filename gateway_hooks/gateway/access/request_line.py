"""What a request line names: deployments and stored items, and whether that can be said at all.

The line goes to the backend as it came, so a permission holds only if every reader of the line
understands it alike. One that two readers could take for two paths (`..`, `//`, an escaped slash
or dot, an escape of an escape, a backslash) is not guessed at: it has no reading here.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Scope

_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~:@!$&'()*+,=-][A-Za-z0-9_.~:@!$&'()*+,=-]*)*/?")
"""No escapes, no empty segment and none that begins with a dot."""
_TREACHEROUS = re.compile(r"[\x00-\x1f\x7f%\\;?#\ufffd\uff0e\uff0f\uff3c\uff05\uff1b]|//|/\.")
"""Also what is no UTF-8, and the wide forms of delimiters, which some servers make plain ones."""
_ESCAPED_DELIMITERS = re.compile(r"%(?:2[ef]|5c|25|3[bf]|23|[01][0-9a-f]|7f)", re.IGNORECASE)
_DEPLOYMENT_ROOTS: Final = frozenset({"deployments", "engines"})
_STORED: Final = frozenset({"responses", "conversations"})
_COLLECTION_VERBS: Final = frozenset({"compact", "input_tokens"})
"""What stands behind `responses/` without being an id."""
_IMAGES: Final = ("operations", "images")
_COMPLETIONS: Final = ("chat", "completions")
_ROOTS: Final = frozenset({"openai", "v1", "models"})
_BEFORE_DEPLOYMENTS: Final = frozenset({"openai", "v1"})
_WORK: Final = frozenset(
    {
        "assistants",
        "batches",
        "containers",
        "evals",
        "files",
        "fine-tuning",
        "fine_tuning",
        "threads",
        "uploads",
        "vector_stores",
    }
)
"""Whose models stand in files or in what was stored before, whatever the request itself names."""
_REALTIME: Final = frozenset({"realtime", "realtimeapi"})
_DIRECT: Final = frozenset({"calls", "client_secrets", "sessions", "transcription_sessions"})
_REALTIME_NAMES: Final = frozenset({"deployment", "model"})
_ROUTING_HEADERS: Final = frozenset({b"x-ms-spillover-deployment", b"azureml-model-deployment"})


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A path that can be read in one way only."""

    segments: tuple[str, ...]
    """In lower case, without the empty one of a slash at the end."""
    deployments: tuple[str, ...]
    """Every deployment that the path names."""
    items: tuple[str, ...]
    """Every stored response, conversation or image operation that the path names."""

    @property
    def may_refer(self) -> bool:
        """Whether the body may refer to stored items."""
        return "responses" in self.segments

    @property
    def lists_items(self) -> bool:
        """Whether a GET tells of all that is stored at the resource."""
        return self.segments[-1:] != () and (
            self.segments[-1] in _STORED or self.segments[-2:] == _COMPLETIONS
        )

    @property
    def begins_at_deployment(self) -> bool:
        """Whether the path is one of Azure's below a deployment, whatever the operation.

        A deployment before another root, or behind an operation, is decoration: the backend may
        skip it as it skips the prefix of a proxy.
        """
        if len(self.deployments) != 1:
            return False
        at = next(i for i, part in enumerate(self.segments) if part in _DEPLOYMENT_ROOTS)
        starts_well = at == 0 or self.segments[at - 1] in _BEFORE_DEPLOYMENTS
        return starts_well and not _ROOTS.intersection(self.segments[at + 2 :])

    @property
    def is_work_of_files(self) -> bool:
        """Whether a model in the body would say nothing of the models that are used."""
        return not _WORK.isdisjoint(self.segments)

    @property
    def leads_past_the_gateway(self) -> bool:
        """Whether the answer lets the caller speak to the backend itself, past all limits."""
        return not _REALTIME.isdisjoint(self.segments) and not _DIRECT.isdisjoint(self.segments)

    @property
    def makes_items(self) -> bool:
        """Whether the answer to a POST is a new item."""
        return self.segments[-1:] != () and (
            self.segments[-1] in _STORED or self.segments[-1] == "generations:submit"
        )


def read_line(scope: Scope) -> RequestLine | None:
    """Read a request's path; None when readers could differ about it."""
    return _read(scope["path"], scope.get("raw_path"))


@functools.lru_cache(maxsize=4096)
def _read(path: str, raw: bytes | None) -> RequestLine | None:
    if raw is not None:
        sent = raw.decode("latin-1")
        if sent != path and (_ESCAPED_DELIMITERS.search(sent) or unquote(sent) != path):
            return None
    if not path.startswith("/"):
        return None
    if not _PLAIN.fullmatch(path) and _TREACHEROUS.search(path):
        return None
    spelled = [part for part in path.split("/") if part]
    lowered = tuple(part.lower() for part in spelled)
    return RequestLine(lowered, _deployments(lowered, spelled), _items(lowered, spelled))


def names_elsewhere(scope: Scope, line: RequestLine) -> tuple[str, ...]:
    """Deployments that a request names in its headers and, for realtime, in its query."""
    names = [
        one.strip()
        for name, value in scope["headers"]
        if name.lower() in _ROUTING_HEADERS
        for one in value.decode("latin-1").split(",")
    ]
    if scope["type"] == "websocket" or "realtime" in line.segments:
        query = scope.get("query_string", b"").decode("latin-1")
        names += [
            value
            for name, value in parse_qsl(query, keep_blank_values=True)
            if name.strip().lower() in _REALTIME_NAMES
        ]
    return tuple(names)


def _deployments(lowered: tuple[str, ...], spelled: list[str]) -> tuple[str, ...]:
    return tuple(
        spelled[index + 1] for index, part in enumerate(lowered[:-1]) if part in _DEPLOYMENT_ROOTS
    )


def _items(lowered: tuple[str, ...], spelled: list[str]) -> tuple[str, ...]:
    found = [
        spelled[index + 1]
        for index, part in enumerate(lowered[:-1])
        if part in _STORED and lowered[index + 1] not in _COLLECTION_VERBS
    ]
    found += [
        spelled[index + 2]
        for index in range(len(lowered) - 2)
        if lowered[index : index + 2] == _IMAGES
    ]
    found += [
        spelled[index + 2]
        for index in range(len(lowered) - 2)
        if lowered[index : index + 2] == _COMPLETIONS
    ]
    return tuple(found)
