"""Headers on their way through: what belongs to one connection stays there, keys are exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from gateway_hooks.fingerprint import KEY_HEADERS, KEY_PARAMETERS
from gateway_hooks.reading.headers import first_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway_hooks.gateway.pool.backends import Backend

    RawHeaders = list[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_OURS: Final = frozenset({b"host", b"content-length", b"expect"})
_OVERRIDING: Final = frozenset(
    {
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-method",
        b"x-original-url",
        b"x-rewrite-url",
    }
)
"""By these some servers take another method or path than the request line that policies judged."""
_CREDENTIALS: Final = frozenset(
    {b"authorization", b"cookie", *(name.encode() for name in KEY_HEADERS)}
)
_LEFT_OUT: Final = {
    (own, readable): HOP_BY_HOP
    | _OURS
    | _OVERRIDING
    | (_CREDENTIALS if own else frozenset())
    | (frozenset({b"accept-encoding"}) if readable else frozenset())
    for own in (False, True)
    for readable in (False, True)
}
"""By whether the gateway has a credential of its own, and wants an answer it can read."""
_LINKS: Final = frozenset({b"location", b"operation-location", b"azure-asyncoperation"})


def request_headers(
    headers: Iterable[tuple[bytes, bytes]],
    backend: Backend,
    *,
    credential: tuple[bytes, bytes] | None,
    length: int | None,
    readable_answer: bool,
) -> RawHeaders:
    """What is sent to a backend.

    Args:
        headers: as the caller sent them.
        backend: whom they are for.
        credential: replaces the caller's own; None passes that on.
        length: of the body; None when it is passed on in chunks, which the client library says.
        readable_answer: ask for an answer without compression.
    """
    left_out = _LEFT_OUT[credential is not None, readable_answer]
    sent = [(b"host", backend.authority.encode()), *_passed(headers, left_out)]
    if credential is not None:
        sent.append(credential)
    if readable_answer:
        sent.append((b"accept-encoding", b"identity"))
    if length or (length == 0 and first_header(headers, b"content-length") is not None):
        sent.append((b"content-length", b"%d" % length))
    return sent


def request_target(target: bytes, backend: Backend) -> bytes:
    """Path and query as they are sent to a backend: a key in the query is exchanged, too."""
    path, mark, query = target.partition(b"?")
    if not backend.has_credential or not mark:
        return target
    rest = without_keys(query)
    return path + mark + rest if rest else path


def without_keys(query: bytes) -> bytes:
    """A query without parameters that carry keys; the others byte for byte."""
    if b"%" not in query and b"key" not in query.lower():
        return query  # nearly always, and their names have no other spelling
    kept = [pair for pair in query.split(b"&") if not _is_key(pair)]
    return b"&".join(kept)


def _is_key(pair: bytes) -> bool:
    # Decoded twice: a proxy before the backend may take off one layer, the backend the other.
    name = unquote_plus(unquote_plus(pair.partition(b"=")[0].decode("latin-1")))
    return name.strip().lower() in KEY_PARAMETERS


def answer_headers(
    headers: Iterable[tuple[bytes, bytes]], backend: Backend, gateway_origin: bytes | None
) -> RawHeaders:
    """What is given back to the caller; links to the backend lead to the gateway instead."""
    passed = _passed(headers, HOP_BY_HOP)
    for index, (name, value) in enumerate(passed):
        if name.lower() in _LINKS:
            passed[index] = (name, _relinked(value, backend.root.encode(), gateway_origin))
    return passed


def _passed(headers: Iterable[tuple[bytes, bytes]], left_out: frozenset[bytes]) -> RawHeaders:
    passed: RawHeaders = []
    named: set[bytes] = set()
    for pair in headers:
        lowered = pair[0].lower()
        if lowered == b"connection":
            named.update(one.strip().lower() for one in pair[1].split(b","))
        elif lowered not in left_out:
            passed.append(pair)
    return [pair for pair in passed if pair[0].lower() not in named] if named else passed


def _relinked(link: bytes, theirs: bytes, ours: bytes | None) -> bytes:
    if ours is None or not link.startswith(theirs):
        return link
    rest = link[len(theirs) :]
    return ours + rest if not rest or rest[:1] in b"/?#" else link
