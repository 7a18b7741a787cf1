"""`$cbs`: claims-based security, where a client puts the token that opens its links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatemeter.emulator.errors import Refusal
from gatemeter.emulator.request_answer import BAD_REQUEST, OK, UNAUTHORIZED_STATUS, Answer, Request

if TYPE_CHECKING:
    from gatemeter.emulator.access import TokenChecker
    from gatemeter.emulator.faults import Faults


def put_token(request: Request, checker: TokenChecker, faults: Faults, scopes: set[str]) -> Answer:
    """Answer one request; a good token adds its scope to those of the connection."""
    if request.text("operation") != "put-token":
        return Answer(BAD_REQUEST, "$cbs knows the operation put-token only")
    if faults.take_refused_credential():
        return Answer(UNAUTHORIZED_STATUS, "ExpiredToken: The token is expired.")
    token = request.value if isinstance(request.value, str) else ""
    try:
        scopes.add(checker.scope_of(token, request.text("type"), request.text("name")))
    except Refusal as refusal:
        return Answer(UNAUTHORIZED_STATUS, refusal.description)
    return Answer(OK, "OK")
