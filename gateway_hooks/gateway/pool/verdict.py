"""What an answer means for the request: pass it on, or ask another backend."""

from __future__ import annotations

from enum import Enum
from typing import Final

_THROTTLED: Final = 429
_SERVER_ERRORS: Final = 500
_NOT_FOUND: Final = 404
_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_LOOKING: Final = frozenset({"GET", "HEAD", "DELETE"})
_NO_DEPLOYMENT: Final = b"DeploymentNotFound"
_NO_PREVIOUS: Final = b"previous_response_not_found"


class Verdict(Enum):
    """Ranked: of several answers that were no answer, the caller gets the first in this order."""

    PASS = 0
    """The answer is for the caller, good or bad."""
    THROTTLED = 1
    """The backend is full."""
    FAILED = 2
    """The backend is in trouble."""
    ELSEWHERE = 3
    """What was asked for is not at this backend; it may be at another."""


def needs_body(method: str, status: int, *, refers_to_item: bool) -> bool:
    """Whether an answer has to be read before it can be judged, or kept for the caller."""
    if status in {_THROTTLED, _NOT_FOUND, _UNAUTHORIZED} or status >= _SERVER_ERRORS:
        return True
    return status == _BAD_REQUEST and refers_to_item and method == "POST"


def judge(method: str, status: int, body: bytes, *, refers_to_item: bool, own_key: bool) -> Verdict:
    """The verdict on an answer.

    Args:
        method: of the request.
        status: of the answer.
        body: of the answer, when `needs_body` said so.
        refers_to_item: whether the request names something an earlier one made.
        own_key: whether the key was the gateway's: then a 401 is no fault of the caller.
    """
    if status == _THROTTLED:
        return Verdict.THROTTLED
    if status >= _SERVER_ERRORS or (status == _UNAUTHORIZED and own_key):
        return Verdict.FAILED
    if status == _NOT_FOUND and (method in _LOOKING or refers_to_item or _NO_DEPLOYMENT in body):
        return Verdict.ELSEWHERE
    if status == _BAD_REQUEST and refers_to_item and _NO_PREVIOUS in body:
        return Verdict.ELSEWHERE
    return Verdict.PASS
